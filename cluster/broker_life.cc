#include "cluster/broker_life.h"

#include "cluster/every_core.h"
#include "cluster/progress_report.h"
#include "reactor/base/logging.h"

namespace karst::cluster {
namespace {

// The port of a broker that was killed is free only when the kernel has finished its last
// operations: a restart must not trip over that.
constexpr duration dying_holder_patience = 2s;
constexpr duration between_attempts = 20ms;

std::unexpected<start_failure> pass_on(start_failure failure) {
  return std::unexpected<start_failure>(std::move(failure));
}

std::size_t clamp_limit(std::int64_t value) {
  return static_cast<std::size_t>(std::max<std::int64_t>(value, 0));
}

memory_plan plan_memory(broker_options const& options) {
  return make_memory_plan(options.memory_bytes, options.cores,
                          clamp_limit(options.config.number("socket.request.max.bytes")));
}

// The network's limits: from memory, and from the keys that Kafka has for them.
net::limits network_limits(broker_config const& config, memory_plan const& plan) {
  auto limits = plan.network;
  auto idle_ms = config.number("connections.max.idle.ms");
  // Kafka's "never" in nanoseconds would overflow: a year is as good.
  constexpr std::int64_t year_ms = 31'536'000'000;
  limits.idle = std::chrono::milliseconds{idle_ms < 0 ? year_ms : std::min(idle_ms, year_ms)};
  limits.connections = std::min(limits.connections, clamp_limit(config.number("max.connections")));
  limits.connections_per_address = std::min(limits.connections_per_address,
                                            clamp_limit(config.number("max.connections.per.ip")));
  return limits;
}

// What one core may use in one of the directories for compaction.
log::cleaner_options make_cleaner_options(broker_options const& options, std::size_t directories) {
  constexpr std::uint64_t memory_share = 8;
  constexpr auto least_backoff = 10ms;  // looking at all topics without a rest would be all it does
  constexpr double no_limit = 1e15;
  auto const& config = options.config;
  auto const shares = options.cores * directories;
  auto const map_bytes =
      std::min(static_cast<std::uint64_t>(config.number("log.cleaner.dedupe.buffer.size")),
               options.memory_bytes / memory_share);
  auto const rate =
      parse_real(config.text("log.cleaner.io.max.bytes.per.second")) / static_cast<double>(shares);
  constexpr std::int64_t year_ms = 31'536'000'000;
  auto const backoff = std::min(config.number("log.cleaner.backoff.ms"), year_ms);
  return {.enabled = config.flag("log.cleaner.enable"),
          .map_bytes = map_bytes / shares,
          .bytes_per_second = rate >= no_limit ? 0 : static_cast<std::uint64_t>(rate) + 1,
          .backoff = std::max<duration>(least_backoff, std::chrono::milliseconds{backoff})};
}

}  // namespace

broker_life::broker_life(broker_options options)
    : options_(std::move(options)), plan_(plan_memory(options_)) {}
broker_life::~broker_life() = default;

task<expected<std::unique_ptr<broker_life>, start_failure>> broker_life::start(
    broker_options options) {
  std::unique_ptr<broker_life> life{new broker_life{std::move(options)}};
  auto begun = co_await life->begin();
  if (!begun) {
    (void)co_await life->stop();
    co_return pass_on(begun.error());
  }
  co_return std::move(life);
}

task<broker_life::outcome> broker_life::begin() {
  auto found = co_await find_data_directories(options_.config);
  if (!found) co_return pass_on(found.error());
  found_ = std::move(*found);
  broker_identity identity{.id = found_.broker_id,
                           .host = options_.listener.advertised_host,
                           .port = options_.listener.advertised_port};
  if (auto rack = options_.config.value("broker.rack")) identity.rack = std::string{*rack};
  broker_ = std::make_unique<broker>(std::move(identity), options_.config, options_.cores,
                                     plan_.fetch_session_bytes);
  // The port first: that it is taken is the commonest mistake, and nothing has been touched yet.
  if (auto done = co_await listen(); !done) co_return done;
  if (auto done = co_await open_storage(); !done) co_return done;
  co_return co_await recover();
}

task<expected<std::unique_ptr<net::connection_server>, error>> broker_life::open_server(
    sockaddr_storage address) {
  auto give_up = core::current().clock().now() + dying_holder_patience;
  while (true) {
    auto server = co_await net::connection_server::open(
        address, network_limits(options_.config, plan_),
        [this]() -> net::handler& { return *dispatchers_[core::current().id()]; });
    auto busy = !server && server.error().code == errc::address_in_use;
    if (!busy || core::current().clock().now() >= give_up) co_return std::move(server);
    (void)co_await sleep_until(core::current().now() + between_attempts);
  }
}

task<broker_life::outcome> broker_life::listen() {
  auto const& listener = options_.listener;
  auto host = listener.host.empty() || listener.host == "*" ? std::string{"::"} : listener.host;
  auto address = resolve_address(host, listener.port);
  if (!address) co_return cannot_start(exit_status::address_unavailable, address.error());
  for (core_id core = 0; core < options_.cores; ++core) {
    dispatchers_.push_back(std::make_unique<dispatcher>(*broker_));
  }
  auto server = co_await open_server(*address);
  if (!server && host == "::" && server.error().code != errc::address_in_use) {
    // A host without IPv6.
    address = resolve_address("0.0.0.0", listener.port);
    if (address) server = co_await open_server(*address);
  }
  if (!server) co_return cannot_start(server.error());
  server_ = std::move(*server);
  auto& identity = broker_->identity_;
  if (identity.port == 0) identity.port = server_->port();
  auto shown = listener.host.contains(':') ? "[" + listener.host + "]" : listener.host;
  facts_.listening_on = fmt::format("{}:{}", shown.empty() ? "*" : shown, server_->port());
  co_return outcome{};
}

task<broker_life::outcome> broker_life::open_storage() {
  auto const& config = options_.config;
  log::directory_options shared{
      .cores = options_.cores,
      .journal_file_bytes = static_cast<std::uint64_t>(config.number("karst.journal.file.bytes")),
      .journal_files = static_cast<std::uint32_t>(config.number("karst.journal.files")),
      .memory_bytes = plan_.log_bytes,
      .descriptors = options_.descriptors,
      .retention_interval =
          std::chrono::milliseconds{config.number("log.retention.check.interval.ms")},
      .producer_expiration_ms = config.number("producer.id.expiration.ms"),
      .cleaner = make_cleaner_options(options_, found_.all.size()),
      .space = {.hard_bytes = static_cast<std::uint64_t>(config.number("karst.space.hard.bytes")),
                .soft_percent = static_cast<unsigned>(config.number("karst.space.soft.percent")),
                .policy = config.text("karst.space.policy") == "delete-oldest"
                              ? log::space_policy::delete_oldest
                              : log::space_policy::refuse}};
  auto directories = std::make_unique<log_directories>();
  auto& opening = *directories;
  broker_->directories_ = std::move(directories);
  if (auto opened = co_await opening.open(found_, std::move(shared)); !opened) co_return opened;
  auto const id = found_.broker_id;
  auto tree = co_await local_coordination::open(found_.all[found_.tree].path);
  if (!tree) co_return cannot_start(tree.error());
  tree_ = std::move(*tree);
  auto stored = co_await begin_term(*tree_, id);
  if (!stored) co_return cannot_start(stored.error());
  stored_ = std::move(*stored);
  if (auto same = check_cluster_id(found_, stored_.cluster_id); !same) co_return same;
  broker_->identity_.cluster_id = stored_.cluster_id;
  if (auto written = co_await opening.identify(found_, stored_.cluster_id); !written) {
    co_return written;
  }
  co_return co_await opening.note_in_tree(*tree_, id);
}

task<expected<void, error>> broker_life::close_storage() {
  std::vector<expected<void, error>> outcomes(options_.cores);
  if (broker_) {
    co_await on_every_core(options_.cores, [this, &outcomes](core_id core) -> task<> {
      return close_core(core, outcomes[core]);
    });
  }
  expected<void, error> result;
  for (auto const& outcome : outcomes) {
    if (!outcome && result) result = outcome;
  }
  if (broker_ && broker_->directories_) {
    auto closed = co_await broker_->directories_->close();
    if (result) result = closed;
  }
  if (tree_) co_await tree_->close();
  co_return result;
}

task<> broker_life::close_core(core_id core, expected<void, error>& result) {
  auto& shard = *broker_->shards_[core];
  if (shard.groups) {
    co_await shard.groups->close();
    shard.groups.reset();
  }
  if (shard.partitions) {
    result = co_await shard.partitions->close(progress_report("closing logs"));
    shard.partitions.reset();
  }
}

task<expected<void, error>> broker_life::stop() {
  if (server_) co_await server_->stop();
  if (broker_ && broker_->directories_) broker_->directories_->on_offline = nullptr;
  if (broker_ && broker_->topics_) co_await broker_->topics_->close();
  co_return co_await close_storage();
}

}  // namespace karst::cluster

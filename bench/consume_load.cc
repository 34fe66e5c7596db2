#include "bench/consume_load.h"

#include <deque>
#include <utility>

#include "bench/fetch_requests.h"
#include "reactor/base/endian.h"
#include "reactor/core.h"

namespace karst::bench {
namespace {

constexpr std::size_t length_bytes = 4;
// One receive: what a few connections have of it stays in the core's own cache.
constexpr std::size_t receive_bytes = 256 * KiB;

using outcome = expected<void, std::string>;

std::unexpected<std::string> broke(std::string_view what, errc code) {
  return std::unexpected(fmt::format("{}: {}", what, describe(code)));
}

}  // namespace

class consume_load::connection {
 public:
  connection(load_options const& options, std::unique_ptr<socket> peer, std::vector<lane> lanes)
      : options_(options),
        peer_(std::move(peer)),
        lanes_(std::move(lanes)),
        memory_(buffer::allocate(receive_bytes)) {}

  std::string const& broker() const { return lanes_.front().broker; }

  // The same, given up after `patience`.
  task<outcome> find_places_by(time_point patience) {
    abort_source found;
    task_set watching;
    watching.spawn(hang_up_at(patience, found));
    auto places = co_await find_places();
    found.request();
    co_await watching.join();
    co_return places;
  }

  // Where the partitions begin, or end.
  task<outcome> find_places() {
    auto frame = make_offsets_request(options_, lanes_);
    auto sent = co_await peer_->send({iovec{frame.data(), frame.size()}});
    if (!sent) co_return broke("send", sent.error());
    std::array<std::byte, length_bytes> length;
    auto got = co_await peer_->receive_exactly(length);
    if (!got) co_return broke("receive", got.error());
    auto answer = buffer::allocate(load_be<std::uint32_t>(length.data()));
    got = co_await peer_->receive_exactly({answer.data(), answer.size()});
    if (!got) co_return broke("receive", got.error());
    auto places = read_offsets_answer(buffer_chain{std::move(answer)});
    if (!places) co_return std::unexpected(places.error());
    readers_.clear();
    for (std::uint32_t i = 0; i < options_.fetches_in_flight; ++i) {
      readers_.emplace_back(options_, lanes_.front().topic, *places);
    }
    co_return outcome{};
  }

  task<> drive(load_run& run, tally& counts, abort_source& stop, visitor const& visit) {
    counts_ = &counts;
    visit_ = &visit;
    stop_ = &stop;
    hang_up_hook hook;
    hook.peer = peer_.get();
    hook.notify = [](abort_subscription& self) {
      static_cast<hang_up_hook&>(self).peer->shutdown();
    };
    stop.subscribe(hook);
    auto read = co_await read_all();
    hook.unlink();
    if (!read && !stop.requested()) {
      run.fail({errc::closed,
                fmt::format("a connection to {} broke during the run: {}", broker(), read.error()),
                "see the broker's log"});
    }
    co_await close();
  }

  task<> close() {
    if (!peer_) co_return;
    peer_->shutdown();
    co_await peer_->close();
    peer_.reset();
  }

 private:
  // Ends a receive that may wait long for records.
  struct hang_up_hook : abort_subscription {
    socket* peer = nullptr;
  };

  task<> hang_up_at(time_point due, abort_source& unless) {
    auto const woken = co_await sleep_until{due, &unless};
    if (woken != wake_reason::aborted) peer_->shutdown();
  }

  task<outcome> read_all() {
    while (!stop_->requested()) {
      for (auto& each : readers_) {
        if (auto sent = co_await ask(each); !sent) co_return sent;
      }
      while (!waiting_.empty()) {
        auto& asked = *waiting_.front();
        waiting_.pop_front();
        if (auto got = co_await receive_answer(); !got) co_return got;
        if (auto taken = take_answer(asked); !taken) co_return taken;
        if (stop_->requested() || asked.ended() || lost_) continue;
        if (auto sent = co_await ask(asked); !sent) co_return sent;
      }
      if (!std::exchange(lost_, false)) break;
      if (auto found = co_await find_places(); !found) co_return found;
    }
    co_return outcome{};
  }

  task<outcome> ask(fetch_requests& asker) {
    auto request = asker.next();
    asker.sent = core::current().clock().now();
    waiting_.push_back(&asker);
    auto sent = co_await peer_->send({iovec{request.data(), request.size()}});
    if (!sent) co_return broke("send", sent.error());
    co_return outcome{};
  }

  task<outcome> receive_answer() {
    answer_.begin();
    whole_.clear();
    while (answer_.left() != 0) {
      std::span to{memory_.data(), std::min(answer_.left(), memory_.size())};
      auto got = co_await peer_->receive_exactly(to);
      if (!got) co_return broke("receive", got.error());
      answer_.feed(to);
      if (*visit_) whole_.insert(whole_.end(), to.begin(), to.end());
      if (answer_.malformed()) {
        co_return std::unexpected(
            std::string{"the answer to a Fetch of version 11 makes no sense"});
      }
    }
    co_return outcome{};
  }

  outcome take_answer(fetch_requests& asked) {
    auto now = core::current().clock().now();
    std::uint64_t records = 0;
    std::int16_t refused = answer_.error();
    for (auto const& each : answer_.partitions()) {
      records += each.records;
      if (!asked.move_on(each)) {
        return std::unexpected(std::string{"an answer for another partition"});
      }
      if (each.error == 0) continue;
      refused = each.error;
      lost_ = lost_ || each.error == static_cast<int>(net::error_code::offset_out_of_range);
    }
    if (refused != 0) counts_->refused(now, refused);
    if (refused == 0 || records != 0) {
      counts_->answered(asked.sent, now, records, answer_.record_bytes());
    }
    if (*visit_) (*visit_)(whole_, now);
    return {};
  }

  load_options const& options_;
  std::unique_ptr<socket> peer_;
  std::vector<lane> lanes_;
  buffer memory_;
  tally* counts_ = nullptr;
  visitor const* visit_ = nullptr;
  abort_source* stop_ = nullptr;
  bool lost_ = false;  // retention has deleted what would come next: begins anew
  fetch_answer answer_;
  std::vector<std::byte> whole_;  // the answer, for the visitor
  std::vector<fetch_requests> readers_;
  std::deque<fetch_requests*> waiting_;
};

consume_load::consume_load() = default;
consume_load::~consume_load() = default;

task<expected<std::unique_ptr<consume_load>, error>> consume_load::connect(
    load_options const& options, std::vector<lane> const& from, surplus others,
    time_point patience) {
  std::unique_ptr<consume_load> load{new consume_load};
  std::optional<error> failure;
  auto const each_has = options.consumers / options.subscriptions;
  auto dealt = deal_lanes(from, each_has, others);
  if (!dealt) co_return unexpected<error>(dealt.error());
  for (std::uint32_t i = 0; i < options.subscriptions * each_has && !failure; ++i) {
    auto const& lanes = (*dealt)[i % each_has];
    if (lanes.empty()) continue;
    auto peer = co_await connect_to(lanes.front());
    if (!peer) {
      failure = peer.error();
      break;
    }
    auto& made = load->connections_.emplace_back(
        std::make_unique<connection>(options, std::move(*peer), lanes));
    if (auto found = co_await made->find_places_by(patience); !found) {
      failure = error{errc::closed,
                      fmt::format("cannot find where the records of {} begin: {}: {}",
                                  lanes.front().topic, made->broker(), found.error()),
                      "see the broker's log"};
    }
  }
  if (failure) {
    co_await load->close();
    co_return unexpected<error>(*failure);
  }
  co_return load;
}

task<> consume_load::drive(load_run& run, tally& counts, abort_source& stop) {
  task_set drivers;
  for (auto& each : connections_) drivers.spawn(each->drive(run, counts, stop, visit_));
  co_await drivers.join();
}

task<> consume_load::close() {
  for (auto& each : connections_) co_await each->close();
}

}  // namespace karst::bench

#include "bench/consume_load.h"

#include <deque>
#include <utility>

#include "bench/fetch_answer.h"
#include "net/messages/list_offsets.h"
#include "net/wire/header.h"
#include "reactor/base/endian.h"
#include "reactor/core.h"

namespace karst::bench {
namespace {

constexpr std::int16_t list_offsets_version = 1;
constexpr std::size_t length_bytes = 4;
constexpr std::size_t correlation_id_bytes = 4;
// In a Fetch request of this version: a partition's index and offset, and how far apart they are
// from those of the next.
constexpr std::size_t offset_in_partition = 4 + 4;
constexpr std::size_t partition_bytes = 4 + 4 + 8 + 8 + 4;
// Behind the partitions: no forgotten topics, no rack.
constexpr std::size_t behind_partitions = 4 + 2;
// One receive: what a few connections have of it stays in the core's own cache.
constexpr std::size_t receive_bytes = 256 * KiB;

// Shared by the connections of a run.
struct run_state {
  consume_load_options options;
  consume_load_report report;
  time_point counted_from;
  time_point end;
  std::string failure;  // the first connection that broke, and why
};

template <typename Request>
buffer make_frame(Request request, net::api_key key, std::int16_t version) {
  buffer_chain frame{net::write_request_header({.api_key = static_cast<std::int16_t>(key),
                                                .api_version = version,
                                                .client_id = "karst-bench"})};
  frame.append(net::join(net::encode(std::move(request), version)));
  auto whole = buffer::allocate(length_bytes + frame.size());
  store_be(whole.data(), static_cast<std::int32_t>(frame.size()));
  frame.copy_to(0, whole.data() + length_bytes, frame.size());
  return whole;
}

// Which partitions a connection reads.
std::vector<std::int32_t> partitions_of(consume_load_options const& options, std::uint32_t index) {
  auto const count = static_cast<std::uint32_t>(options.partitions);
  if (index >= count) return {static_cast<std::int32_t>(index % count)};
  std::vector<std::int32_t> own;
  for (auto at = index; at < count; at += options.connections) {
    own.push_back(static_cast<std::int32_t>(at));
  }
  return own;
}

// A reader's place in its partitions, and the request that asks for what comes there: its bytes are
// made once, then only offsets change.
struct cursor {
  struct place {
    std::int32_t partition = 0;
    std::int64_t first = 0;  // where it begins again
    std::int64_t next = 0;
    bool ended = false;  // consume_mode::once: read to its end
  };
  std::vector<place> places;
  std::size_t turn = 0;  // whose place is the first of the next request: each in its turn
  buffer frame;
  time_point sent;

  void begin(std::vector<place> const& from, consume_load_options const& options) {
    places = from;
    net::fetch_request request{.max_wait_ms = options.max_wait_ms,
                               .min_bytes = options.min_bytes,
                               .max_bytes = options.request_bytes};
    auto& topic = request.topics.emplace_back();
    topic.name = options.topic;
    for (auto const& place : places) {
      topic.partitions.push_back({.index = place.partition, .max_bytes = options.partition_bytes});
    }
    frame = make_frame(std::move(request), net::api_key::fetch, fetch_answer::version);
  }

  std::span<std::byte> next_request() {
    auto* at = frame.data() + frame.size() - behind_partitions - places.size() * partition_bytes;
    for (std::size_t i = 0; i < places.size(); ++i) {
      auto const& place = places[(turn + i) % places.size()];
      store_be(at, place.partition);
      store_be(at + offset_in_partition, place.next);
      at += partition_bytes;
    }
    ++turn;
    return {frame.data(), frame.size()};
  }

  place* find(std::int32_t partition) {
    auto found = std::ranges::find(places, partition, &place::partition);
    return found == places.end() ? nullptr : &*found;
  }

  bool ended() const { return std::ranges::all_of(places, &place::ended); }
};

class load_connection {
 public:
  load_connection(run_state& run, std::unique_ptr<socket> peer, std::uint32_t index)
      : run_(run),
        peer_(std::move(peer)),
        partitions_(partitions_of(run.options, index)),
        memory_(buffer::allocate(receive_bytes)),
        cursors_(run.options.in_flight) {}

  task<> drive() {
    auto read = co_await read_all();
    if (!read && core::current().now() < run_.end && run_.failure.empty()) {
      run_.failure = read.error();
    }
    peer_->shutdown();
    co_await peer_->close();
  }

 private:
  using outcome = expected<void, std::string>;
  static std::unexpected<std::string> broke(std::string_view what, errc code) {
    return std::unexpected(fmt::format("{}: {}", what, describe(code)));
  }

  task<outcome> read_all() {
    auto& here = core::current();
    do {
      if (auto found = co_await find_places(); !found) co_return found;
      for (auto& each : cursors_) {
        if (auto sent = co_await ask(each); !sent) co_return sent;
      }
      while (!waiting_.empty()) {
        auto& asked = *waiting_.front();
        waiting_.pop_front();
        if (auto got = co_await receive_answer(); !got) co_return got;
        count(asked);
        if (auto moved = move_on(asked); !moved) co_return moved;
        if (here.now() >= run_.end || asked.ended() || lost_) continue;
        if (auto sent = co_await ask(asked); !sent) co_return sent;
      }
    } while (std::exchange(lost_, false) && here.now() < run_.end);
    co_return outcome{};
  }

  // Where the partitions begin, or end.
  task<outcome> find_places() {
    net::list_offsets_request request{.replica_id = -1};
    auto& topic = request.topics.emplace_back();
    topic.name = run_.options.topic;
    auto const tail = run_.options.mode == consume_mode::tail;
    for (auto partition : partitions_) {
      topic.partitions.push_back(
          {.index = partition,
           .timestamp = tail ? net::latest_timestamp : net::earliest_timestamp});
    }
    auto frame = make_frame(std::move(request), net::api_key::list_offsets, list_offsets_version);
    auto sent = co_await peer_->send({iovec{frame.data(), frame.size()}});
    if (!sent) co_return broke("send", sent.error());
    std::array<std::byte, length_bytes> length;
    auto got = co_await peer_->receive_exactly(length);
    if (!got) co_return broke("receive", got.error());
    auto answer = buffer::allocate(load_be<std::uint32_t>(length.data()));
    got = co_await peer_->receive_exactly({answer.data(), answer.size()});
    if (!got) co_return broke("receive", got.error());
    co_return take_places(buffer_chain{std::move(answer)});
  }

  outcome take_places(buffer_chain const& answer) {
    auto decoded =
        net::decode<net::list_offsets_response>(answer, list_offsets_version, correlation_id_bytes);
    if (!decoded) return std::unexpected(decoded.error());
    std::vector<cursor::place> places;
    for (auto const& topic : decoded->message.topics) {
      for (auto const& each : topic.partitions) {
        if (each.error != net::error_code::none) {
          return std::unexpected(fmt::format("where {}-{} begins: error code {}", topic.name,
                                             each.index, static_cast<int>(each.error)));
        }
        places.push_back({each.index, each.offset, each.offset});
      }
    }
    for (auto& cursor : cursors_) cursor.begin(places, run_.options);
    return {};
  }

  task<outcome> ask(cursor& asker) {
    auto request = asker.next_request();
    asker.sent = core::current().now();
    waiting_.push_back(&asker);
    auto sent = co_await peer_->send({iovec{request.data(), request.size()}});
    if (!sent) co_return broke("send", sent.error());
    co_return outcome{};
  }

  task<outcome> receive_answer() {
    answer_.begin();
    while (answer_.left() != 0) {
      std::span to{memory_.data(), std::min(answer_.left(), memory_.size())};
      auto got = co_await peer_->receive_exactly(to);
      if (!got) co_return broke("receive", got.error());
      answer_.feed(to);
      if (answer_.malformed()) {
        co_return std::unexpected(
            std::string{"the answer to a Fetch of version 11 makes no sense"});
      }
    }
    co_return outcome{};
  }

  void count(cursor const& asked) {
    auto& report = run_.report;
    auto now = core::current().now();
    ++report.all_requests;
    report.all_record_bytes += answer_.record_bytes();
    if (now < run_.counted_from || now > run_.end) return;
    ++report.requests;
    report.record_bytes += answer_.record_bytes();
    for (auto const& each : answer_.partitions()) report.records += each.records;
    report.latencies.record(now - asked.sent);
  }

  outcome move_on(cursor& asked) {
    if (answer_.error() != 0) refuse(answer_.error());
    for (auto const& each : answer_.partitions()) {
      auto* place = asked.find(each.index);
      if (place == nullptr) return std::unexpected(std::string{"an answer for another partition"});
      if (each.error != 0) {
        refuse(each.error);
        lost_ = lost_ || each.error == static_cast<int>(net::error_code::offset_out_of_range);
        continue;
      }
      if (each.next_offset >= 0) place->next = each.next_offset;
      if (place->next < each.high_watermark) continue;
      if (run_.options.mode == consume_mode::loop) place->next = place->first;
      if (run_.options.mode == consume_mode::once) place->ended = true;
    }
    return {};
  }

  void refuse(std::int16_t error) {
    ++run_.report.refused;
    run_.report.last_error = error;
  }

  run_state& run_;
  std::unique_ptr<socket> peer_;
  std::vector<std::int32_t> partitions_;
  buffer memory_;
  bool lost_ = false;  // retention has deleted what would come next: begins anew
  fetch_answer answer_;
  std::vector<cursor> cursors_;
  std::deque<cursor*> waiting_;
};

}  // namespace

task<expected<consume_load_report, error>> run_consume_load(consume_load_options options) {
  run_state run{.options = options};
  std::vector<std::unique_ptr<load_connection>> connections;
  for (std::uint32_t i = 0; i < options.connections; ++i) {
    auto peer = co_await socket::connect(options.broker);
    if (!peer) {
      co_return karst::fail(
          peer.error(), "start the broker, or name another with --bootstrap-server",
          "cannot connect to {}: {}", format_address(options.broker), describe(peer.error()));
    }
    connections.push_back(std::make_unique<load_connection>(run, std::move(*peer), i));
  }
  run.counted_from = core::current().clock().now() + options.warm_up;
  run.end = run.counted_from + options.length;
  task_set drivers;
  for (auto& connection : connections) drivers.spawn(connection->drive());
  co_await drivers.join();
  auto const ended = std::min(run.end, core::current().clock().now());
  run.report.seconds = std::chrono::duration<double>(ended - run.counted_from).count();
  if (!run.failure.empty()) {
    co_return karst::fail(errc::closed, "see the broker's log, and that the topic exists",
                          "a connection to {} broke during the run: {}",
                          format_address(options.broker), run.failure);
  }
  co_return std::move(run.report);
}

}  // namespace karst::bench

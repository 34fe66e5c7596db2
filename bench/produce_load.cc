#include "bench/produce_load.h"

#include <cmath>
#include <deque>

#include "log/batch_builder.h"
#include "net/messages/produce.h"
#include "net/wire/header.h"
#include "reactor/base/endian.h"
#include "reactor/core.h"

namespace karst::bench {
namespace {

// Every client speaks this version, and its answers have the error code at a fixed place.
constexpr std::int16_t produce_version = 7;
constexpr std::int32_t request_timeout_ms = 30'000;
constexpr std::size_t length_bytes = 4;
constexpr std::size_t correlation_id_at = length_bytes + 4;

// Shared by the connections of a run.
struct run_state {
  produce_load_options options;
  produce_load_report report;
  time_point counted_from;
  time_point end;
  std::string failure;  // the first connection that broke, and why
};

buffer make_batch(produce_load_options const& options) {
  // Words of a log line, not random bytes: real records compress.
  static constexpr std::string_view text = "2026-01-01 GET /index.html 200 12ms user-agent curl ";
  std::string value;
  while (value.size() < options.record_bytes) value += text;
  value.resize(options.record_bytes);
  log::batch_builder builder;
  for (std::uint32_t i = 0; i < options.records_per_batch; ++i) {
    builder.add(core::current().clock().wall_now(), std::nullopt, value);
  }
  return builder.finish();
}

// The whole frame of one Produce request; only its correlation id changes from one to the next.
buffer make_frame(produce_load_options const& options, std::int32_t partition) {
  net::produce_request request;
  request.acks = options.acks;
  request.timeout_ms = request_timeout_ms;
  auto& topic = request.topics.emplace_back();
  topic.name = options.topic;
  auto& data = topic.partitions.emplace_back();
  data.index = partition;
  data.records = buffer_chain{make_batch(options)};
  buffer_chain frame{
      net::write_request_header({.api_key = static_cast<std::int16_t>(net::api_key::produce),
                                 .api_version = produce_version,
                                 .client_id = "karst-bench"})};
  frame.append(net::join(net::encode(std::move(request), produce_version)));
  auto whole = buffer::allocate(length_bytes + frame.size());
  store_be(whole.data(), static_cast<std::int32_t>(frame.size()));
  frame.copy_to(0, whole.data() + length_bytes, frame.size());
  return whole;
}

// Where the error code of the only partition lies, behind correlation id, array sizes, the topic's
// name and the partition's number.
std::size_t error_code_at(produce_load_options const& options) {
  return 4 + 4 + 2 + options.topic.size() + 4 + 4;
}

// One connection: a task that sends and a task that receives, with the due times of what is in
// flight between them.
class load_connection {
 public:
  load_connection(run_state& run, std::unique_ptr<socket> peer, std::uint32_t index)
      : run_(run),
        peer_(std::move(peer)),
        frame_(make_frame(run.options, static_cast<std::int32_t>(index) % run.options.partitions)),
        index_(index) {}

  task<> drive() {
    tasks_.spawn(receive_answers());
    co_await send_requests();
    while (!due_.empty() && !broken_) (void)co_await answered_.wait();
    peer_->shutdown();
    co_await tasks_.join();
    co_await peer_->close();
  }

 private:
  task<> send_requests() {
    auto& here = core::current();
    auto const& options = run_.options;
    auto gap = options.rate > 0 ? duration{std::llround(1e9 * options.connections / options.rate)}
                                : duration{};
    // Connections start apart, so that an open-loop run does not come in waves.
    auto due = here.now() + gap * index_ / std::max(1U, options.connections);
    std::int32_t correlation_id = 0;
    while (here.now() < run_.end && !broken_) {
      if (options.rate > 0 && due > here.now()) (void)co_await sleep_until(due);
      while (due_.size() >= options.in_flight && !broken_) (void)co_await answered_.wait();
      if (broken_) co_return;
      due_.push_back(options.rate > 0 ? due : here.now());
      due += gap;
      store_be(frame_.data() + correlation_id_at, ++correlation_id);
      auto sent = co_await peer_->send({iovec{frame_.data(), frame_.size()}});
      if (!sent) co_return fail("send", sent.error());
    }
  }

  task<> receive_answers() {
    buffer_chain received;
    auto const error_at = length_bytes + error_code_at(run_.options);
    while (true) {
      auto piece = co_await peer_->receive();
      if (!piece) co_return fail("receive", piece.error());
      if (piece->empty()) co_return fail("receive", errc::closed);
      received.append(std::move(*piece));
      while (received.size() >= length_bytes) {
        std::byte scratch[4];
        auto length = load_be<std::uint32_t>(received.contiguous(0, length_bytes, scratch));
        if (received.size() < length_bytes + length) break;
        count(load_be<std::int16_t>(received.contiguous(error_at, 2, scratch)));
        received.trim_front(length_bytes + length);
      }
    }
  }

  void count(std::int16_t error_code) {
    auto now = core::current().now();
    ++run_.report.all_requests;
    auto due = due_.front();
    due_.pop_front();
    answered_.wake_all();
    if (due < run_.counted_from || now > run_.end) return;
    if (error_code != 0) {
      ++run_.report.refused;
      run_.report.last_error = error_code;
      return;
    }
    ++run_.report.requests;
    run_.report.latencies.record(now - due);
  }

  void fail(std::string_view what, errc code) {
    broken_ = true;
    answered_.wake_all();
    if (core::current().now() < run_.end && run_.failure.empty()) {
      run_.failure = fmt::format("{}: {}", what, describe(code));
    }
  }

  run_state& run_;
  std::unique_ptr<socket> peer_;
  buffer frame_;
  std::uint32_t index_;
  std::deque<time_point> due_;
  waiters answered_;
  task_set tasks_;
  bool broken_ = false;
};

}  // namespace

task<expected<produce_load_report, error>> run_produce_load(produce_load_options options) {
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
  auto const batch = make_batch(options);
  run.report.batch_bytes = batch.size();
  run.report.records_per_request = options.records_per_batch;
  run.counted_from = core::current().clock().now() + options.warm_up;
  run.end = run.counted_from + options.length;
  task_set drivers;
  for (auto& connection : connections) drivers.spawn(connection->drive());
  co_await drivers.join();
  run.report.seconds = std::chrono::duration<double>(options.length).count();
  if (!run.failure.empty()) {
    co_return karst::fail(errc::closed, "see the broker's log",
                          "a connection to {} broke during the run: {}",
                          format_address(options.broker), run.failure);
  }
  co_return std::move(run.report);
}

}  // namespace karst::bench

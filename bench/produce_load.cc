#include "bench/produce_load.h"

#include <cmath>

#include "bench/frame_splitter.h"
#include "bench/produce_requests.h"
#include "reactor/core.h"

namespace karst::bench {
namespace {

// How long requests in flight at the end may take to be sent and answered.
constexpr duration last_answers = 3s;
// One send takes at most so much, so that its bytes are still in the processor's cache when the
// kernel copies them.
constexpr std::uint64_t send_bytes_max = 1 * MiB;

// A request without an answer.
struct flight {
  time_point due;
  std::uint64_t bytes = 0;
};

std::int32_t correlation_id_of(std::uint64_t number) {
  return static_cast<std::int32_t>(number & 0x7fffffff);
}

}  // namespace

// One connection: a task that sends and a task that receives, and between them a ring of the due
// times of what is in flight.
class produce_load::connection {
 public:
  connection(load_options const& options, std::unique_ptr<socket> peer, std::vector<lane> lanes,
             std::vector<buffer> const& batches, stamped_batches* stamped, std::uint32_t index,
             pacer* pace)
      : options_(options),
        peer_(std::move(peer)),
        broker_(lanes.front().broker),
        requests_(options, lanes, batches, stamped),
        flights_(options.in_flight),
        index_(index),
        pace_(pace) {
    vectors_.reserve(2 * options.in_flight);
  }

  task<> drive(load_run& run, tally& counts, arrivals* records) {
    run_ = &run;
    counts_ = &counts;
    records_ = records;
    tasks_.spawn(receive_answers());
    tasks_.spawn(hang_up_late());
    co_await send_requests();
    while (in_flight() != 0 && !broken_) (void)co_await answered_.wait();
    give_up_the_rest();
    co_await close();
  }

  task<> close() {
    if (!peer_) co_return;
    closing_ = true;
    closed_.request();
    peer_->shutdown();
    co_await tasks_.join();
    co_await peer_->close();
    peer_.reset();
  }

 private:
  std::uint32_t in_flight() const { return static_cast<std::uint32_t>(sent_ - done_); }
  flight& at(std::uint64_t number) { return flights_[number % flights_.size()]; }
  bool is_open_loop() const { return pace_ != nullptr; }
  bool ended() const { return broken_ || run_->is_over(); }

  // A broker that neither reads nor answers would keep both tasks for ever.
  task<> hang_up_late() {
    (void)co_await sleep_until{never, &run_->over()};
    if (co_await sleep_until{core::current().now() + last_answers, &closed_} ==
        wake_reason::aborted) {
      co_return;
    }
    closing_ = true;
    peer_->shutdown();
  }

  task<> send_requests() {
    if (is_open_loop()) {
      gap_ = duration{std::llround(1e9 * options_.connections / options_.rate)};
      // Connections start apart, so that requests do not come in waves.
      next_due_ = run_->times().start + gap_ * index_ / options_.connections;
    }
    while (!ended()) {
      if (in_flight() == options_.in_flight) {
        (void)co_await answered_.wait(never, &run_->over());
        continue;
      }
      if (is_open_loop() && next_due_ > core::current().clock().now()) {
        co_await pace_->wait_until(next_due_, run_->over());
        continue;
      }
      prepare_requests();
      auto first = done_;
      auto sent = co_await peer_->send(std::span{vectors_});
      if (!sent) co_return fail("send", sent.error());
      if (options_.acks == 0) count_sent(first);
    }
  }

  // All that may be sent now, for one call into the kernel.
  void prepare_requests() {
    vectors_.clear();
    auto now = core::current().clock().now();
    std::uint64_t bytes = 0;
    while (in_flight() < options_.in_flight && bytes < send_bytes_max) {
      if (is_open_loop() && next_due_ > now) break;
      auto slot = static_cast<std::uint32_t>(sent_ % flights_.size());
      auto due = is_open_loop() ? next_due_ : now;
      auto request = requests_.next(slot, correlation_id_of(sent_), due);
      at(sent_++) = {due, request.bytes()};
      next_due_ += gap_;
      bytes += request.bytes();
      vectors_.push_back(request.head);
      vectors_.push_back(request.batch);
    }
  }

  void count_sent(std::uint64_t first) {
    auto now = core::current().clock().now();
    for (; first != sent_; ++first, ++done_) count_answer(at(first), now);
  }

  task<> receive_answers() {
    frame_splitter frames;
    while (true) {
      auto piece = co_await peer_->receive();
      if (!piece) co_return fail("receive", piece.error());
      if (piece->empty()) co_return fail("receive", errc::closed);
      auto now = core::current().now();
      auto readable = frames.feed(piece->bytes(),
                                  [&](std::span<std::byte const> answer) { take(answer, now); });
      if (!readable || broken_) co_return fail("receive", errc::corrupt);
      answered_.wake_all();
    }
  }

  void take(std::span<std::byte const> answer, time_point now) {
    auto error_code = produce_requests::error_code_of(answer, correlation_id_of(done_));
    if (in_flight() == 0 || !error_code) {
      broken_ = true;
      return;
    }
    auto const& answered = at(done_++);
    if (*error_code != 0) return counts_->refused(now, *error_code);
    count_answer(answered, now);
  }

  void count_answer(flight const& answered, time_point now) {
    counts_->answered(answered.due, now, options_.records_per_batch, answered.bytes);
    if (records_ != nullptr) records_->written(answered.due, options_.records_per_batch);
  }

  void give_up(time_point due, time_point now) {
    counts_->unanswered(due, now);
    if (records_ != nullptr) records_->given_up(due, options_.records_per_batch);
  }

  // What was due and has no answer counts as late as it is by now.
  void give_up_the_rest() {
    auto now = core::current().clock().now();
    while (in_flight() != 0) give_up(at(done_++).due, now);
    if (!is_open_loop()) return;
    for (; next_due_ < run_->times().end; next_due_ += gap_) give_up(next_due_, now);
  }

  void fail(std::string_view what, errc code) {
    broken_ = true;
    answered_.wake_all();
    if (closing_) return;
    run_->fail({code,
                fmt::format("a connection to {} broke during the run: {}: {}", broker_, what,
                            describe(code)),
                "see the broker's log"});
  }

  load_options const& options_;
  std::unique_ptr<socket> peer_;
  std::string broker_;
  produce_requests requests_;
  std::vector<flight> flights_;  // a ring; in flight are [done_, sent_)
  std::uint32_t index_;
  pacer* pace_;
  load_run* run_ = nullptr;
  tally* counts_ = nullptr;
  arrivals* records_ = nullptr;
  std::uint64_t sent_ = 0;
  std::uint64_t done_ = 0;
  time_point next_due_{};
  duration gap_{};
  std::vector<iovec> vectors_;
  waiters answered_;
  task_set tasks_;
  bool broken_ = false;
  bool closing_ = false;
  abort_source closed_;
};

produce_load::produce_load() = default;
produce_load::~produce_load() = default;

task<expected<std::unique_ptr<produce_load>, error>> produce_load::connect(
    load_options const& options, std::vector<lane> const& to, std::vector<buffer> batches,
    std::optional<std::uint64_t> load_id) {
  std::unique_ptr<produce_load> load{new produce_load};
  auto dealt = deal_lanes(to, options.connections);
  if (!dealt) co_return unexpected<error>(dealt.error());
  load->batches_ = std::move(batches);
  if (load_id) load->stamped_.emplace(options, *load_id);
  auto* stamped = load->stamped_ ? &*load->stamped_ : nullptr;
  if (options.rate > 0) {
    auto pace = pacer::make();
    if (!pace) co_return unexpected<error>(pace.error());
    load->pace_ = std::move(*pace);
  }
  for (std::uint32_t i = 0; i < options.connections; ++i) {
    auto& lanes = (*dealt)[i];
    auto peer = co_await connect_to(lanes.front());
    if (!peer) {
      co_await load->close();
      co_return unexpected<error>(peer.error());
    }
    load->connections_.push_back(std::make_unique<connection>(options, std::move(*peer),
                                                              std::move(lanes), load->batches_,
                                                              stamped, i, load->pace_.get()));
  }
  co_return load;
}

task<> produce_load::drive(load_run& run, tally& counts, arrivals* records) {
  task_set drivers;
  for (auto& each : connections_) drivers.spawn(each->drive(run, counts, records));
  co_await drivers.join();
}

task<> produce_load::close() {
  for (auto& each : connections_) co_await each->close();
  if (pace_) co_await pace_->close();
  pace_.reset();
}

}  // namespace karst::bench

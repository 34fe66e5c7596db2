#include "bench/sink.h"

#include "reactor/base/endian.h"
#include "reactor/core.h"

namespace karst::bench {
namespace {

constexpr int backlog = 1024;
constexpr std::size_t length_bytes = 4;
constexpr std::size_t frame_bytes_max = 100 * MiB;

}  // namespace

// One peer. Every frame is received whole into memory that is used again, with two receives: small
// answers cost more that way, but the bytes of a large request are copied once, by the kernel.
class sink::connection {
 public:
  connection(sink_answers& answers, abort_source& closing, int descriptor)
      : answers_(answers), closing_(closing), peer_(std::make_unique<socket>(descriptor)) {}

  task<> serve() {
    hang_up_hook hook;
    hook.peer = peer_.get();
    hook.notify = [](abort_subscription& self) {
      static_cast<hang_up_hook&>(self).peer->shutdown();
    };
    closing_.subscribe(hook);
    while (co_await serve_request()) {
    }
    hook.unlink();
    co_await peer_->close();
  }

 private:
  struct hang_up_hook : abort_subscription {
    socket* peer = nullptr;
  };

  task<bool> serve_request() {
    std::array<std::byte, length_bytes> prefix;
    if (!co_await peer_->receive_exactly(prefix)) co_return false;
    auto const length = load_be<std::uint32_t>(prefix.data());
    if (length > frame_bytes_max) co_return false;
    if (memory_.size() < length) memory_.resize(length);
    std::span<std::byte> frame{memory_.data(), length};
    if (!co_await peer_->receive_exactly(frame)) co_return false;
    if (!sink_answers::is_produce(frame)) co_return co_await answer_other(frame);
    out_.clear();
    if (!answers_.answer_produce(frame, out_)) co_return false;
    if (out_.empty()) co_return true;
    iovec vector{out_.data(), out_.size()};
    co_return (co_await peer_->send(std::span{&vector, 1})).has_value();
  }

  task<bool> answer_other(std::span<std::byte const> frame) {
    auto answer = answers_.answer_other(buffer_chain{buffer::copy_of(frame)});
    if (!answer) {
      fmt::print(stderr, "karst bench sink: closed a connection: {}\n", answer.error());
      co_return false;
    }
    if (answer->after > duration{}) {
      (void)co_await sleep_until{core::current().now() + answer->after, &closing_};
    }
    std::vector<iovec> vectors;
    answer->bytes.to_iovecs(vectors);
    co_return (co_await peer_->send(std::span{vectors})).has_value();
  }

  sink_answers& answers_;
  abort_source& closing_;
  std::unique_ptr<socket> peer_;
  std::vector<std::byte> memory_;  // the request
  std::vector<std::byte> out_;     // its answer
};

sink::sink(std::unique_ptr<listener> listener, std::int32_t partitions)
    : listener_(std::move(listener)), answers_(listener_->port(), partitions) {}
sink::~sink() = default;

expected<std::unique_ptr<sink>, error> sink::open(std::uint16_t port, std::int32_t partitions) {
  auto address = resolve_address("127.0.0.1", port);
  if (!address) return unexpected<error>(address.error());
  auto listening = listener::open(*address, backlog);
  if (!listening) return unexpected<error>(listening.error());
  return std::unique_ptr<sink>{new sink{std::move(*listening), partitions}};
}

void sink::start() { tasks_.spawn(accept_connections()); }

task<> sink::accept_connections() {
  while (true) {
    auto descriptor = co_await listener_->accept();
    if (descriptor) {
      tasks_.spawn(serve(*descriptor));
    } else if (descriptor.error() == errc::closed) {
      co_return;
    } else {
      (void)co_await sleep_until{core::current().now() + 100ms, &closing_};
    }
  }
}

task<> sink::serve(int descriptor) {
  connection peer{answers_, closing_, descriptor};
  co_await peer.serve();
}

task<> sink::close() {
  closing_.request();
  listener_->stop();
  co_await tasks_.join();
  co_await listener_->close();
}

}  // namespace karst::bench

#include "net/client_connection.h"

#include "net/wire/header.h"
#include "reactor/base/endian.h"
#include "reactor/core.h"

namespace karst::net {
namespace {

// An answer is as long as we asked for; beyond this the other side is no broker.
constexpr std::size_t answer_bytes_max = 256 * MiB;
// Longer answers are received straight into memory of their own.
constexpr std::size_t small_answer_bytes = 64 * KiB;

}  // namespace

client_connection::client_connection(host_and_port const& peer, client_options options,
                                     std::unique_ptr<karst::socket> socket)
    : name_(peer.text()),
      options_(std::move(options)),
      socket_(std::move(socket)),
      frames_(answer_bytes_max, small_answer_bytes) {}

client_connection::~client_connection() = default;

task<expected<std::unique_ptr<client_connection>, error>> client_connection::open(
    host_and_port peer, client_options options) {
  auto address = resolve_address(peer.host, peer.port);
  if (!address) co_return unexpected<error>(address.error());
  auto socket = co_await karst::socket::connect(*address);
  if (!socket) {
    co_return fail(
        socket.error(),
        "is a broker running there? Start one with `karst serve --dev`, or name another with "
        "--bootstrap-server HOST:PORT",
        "cannot connect to {}: {}", peer.text(), describe(socket.error()));
  }
  std::unique_ptr<client_connection> connection{
      new client_connection{peer, std::move(options), std::move(*socket)}};
  connection->tasks_.spawn(connection->read());
  if (auto agreed = co_await connection->agree_on_versions(); !agreed) {
    co_await connection->close();
    co_return unexpected<error>(agreed.error());
  }
  co_return connection;
}

task<expected<void, error>> client_connection::agree_on_versions() {
  // Version 3 is understood by every broker since Kafka 2.4; an older one answers error 35 in
  // version 0, and so does ours to newer ones.
  constexpr std::int16_t version = 3;
  auto request =
      api_versions_request{.client_software_name = "karst", .client_software_version = "0.1"};
  auto frame = co_await exchange(api_key::api_versions, version, join(encode(request, version)),
                                 options_.request_timeout);
  if (!frame) {
    co_return fail(frame.error().code, "is it a Kafka listener with security.protocol=PLAINTEXT?",
                   "{} does not answer as a Kafka broker: {}", name_, frame.error().what);
  }
  auto content = decode<api_versions_response>(*frame, version);
  if (!content) co_return unreadable(api_key::api_versions, content.error());
  if (content->message.error != error_code::none) {
    co_return fail(errc::unsupported, "use a broker of version 2.4 or later",
                   "{} does not speak our protocol versions: {}", name_,
                   name_of(content->message.error));
  }
  offered_ = std::move(content->message.api_keys);
  co_return expected<void, error>{};
}

std::optional<std::int16_t> client_connection::version_of(message_info const& request) const {
  for (auto const& each : offered_) {
    if (each.key != request.key) continue;
    auto highest = std::min(each.highest, request.valid.highest);
    if (highest < std::max(each.lowest, request.valid.lowest)) return std::nullopt;
    return highest;
  }
  return std::nullopt;
}

task<expected<buffer_chain, error>> client_connection::exchange(api_key key, std::int16_t version,
                                                                buffer_chain body,
                                                                duration timeout) {
  waiting_call call{.correlation_id = next_correlation_++};
  auto deadline = core::current().now() + timeout;
  auto sent = co_await send(key, version, call.correlation_id, std::move(body), &call);
  while (sent && !call.done && !broken()) {
    if (co_await call.answered.wait(deadline) == wake_reason::timed_out) {
      fail_all(fmt::format("no answer to {} within {} s", name_of(key), timeout / 1s));
    }
  }
  if (!call.done) {
    std::erase(calls_, &call);
    co_return failed();
  }
  std::size_t body_position = 0;
  auto flexible = has_flexible_response_header(key, version);
  if (auto header = read_response_header(call.frame, flexible, body_position); !header) {
    co_return unreadable(key, header.error());
  }
  call.frame.trim_front(body_position);
  co_return std::move(call.frame);
}

task<expected<void, error>> client_connection::send(api_key key, std::int16_t version,
                                                    std::int32_t correlation_id, buffer_chain body,
                                                    waiting_call* call) {
  auto header = write_request_header({.api_key = static_cast<std::int16_t>(key),
                                      .api_version = version,
                                      .correlation_id = correlation_id,
                                      .client_id = options_.client_id});
  buffer_chain frame{buffer::allocate(frame_prefix_bytes)};
  auto* prefix = const_cast<std::byte*>(frame.pieces().front().data());
  store_be(prefix, static_cast<std::int32_t>(header.size() + body.size()));
  frame.append(std::move(header));
  frame.append(std::move(body));
  while (sending_ && !broken()) (void)co_await send_turn_.wait();
  if (broken()) co_return failed();
  sending_ = true;
  if (call != nullptr) calls_.push_back(call);
  std::vector<iovec> vectors;
  frame.to_iovecs(vectors);
  auto sent = co_await socket_->send(std::move(vectors));
  sending_ = false;
  send_turn_.wake_one();
  if (!sent) fail_all(fmt::format("the connection was lost: {}", describe(sent.error())));
  if (broken()) co_return failed();
  co_return expected<void, error>{};
}

task<> client_connection::read() {
  while (co_await read_frame()) {
  }
}

task<bool> client_connection::read_frame() {
  auto step = frames_.next();
  if (auto* whole = std::get_if<frame_reader::whole>(&step)) {
    // Receive buffers go home: the caller may keep its answer as long as it likes.
    deliver(buffer_chain{buffer::copy_of(whole->frame.linearize().bytes())});
    co_return !broken();
  }
  if (auto* bad = std::get_if<frame_reader::bad>(&step)) {
    fail_all("what it sends is not Kafka's protocol: " + bad->reason);
    co_return false;
  }
  if (auto* large = std::get_if<frame_reader::large>(&step)) {
    auto first = frames_.take_large();
    auto frame = buffer::allocate(large->bytes);
    first.copy_to(0, frame.data(), first.size());
    auto rest = co_await socket_->receive_exactly(
        {frame.data() + first.size(), frame.size() - first.size()});
    if (!rest) {
      fail_all(fmt::format("the connection was lost: {}", describe(rest.error())));
      co_return false;
    }
    deliver(buffer_chain{std::move(frame)});
    co_return !broken();
  }
  auto received = co_await socket_->receive();
  if (!received || received->empty()) {
    fail_all(received ? std::string{"the broker closed the connection"}
                      : fmt::format("the connection was lost: {}", describe(received.error())));
    co_return false;
  }
  frames_.feed(std::move(*received));
  co_return true;
}

void client_connection::deliver(buffer_chain frame) {
  std::byte scratch[sizeof(std::int32_t)];
  auto correlation_id = load_be<std::int32_t>(frame.contiguous(0, sizeof scratch, scratch));
  if (calls_.empty() || calls_.front()->correlation_id != correlation_id) {
    return fail_all(
        fmt::format("an answer with correlation id {} came out of order", correlation_id));
  }
  auto* call = calls_.front();
  calls_.pop_front();
  call->done = true;
  call->frame = std::move(frame);
  call->answered.wake_all();
}

void client_connection::fail_all(std::string reason) {
  if (broken()) return;
  failure_ = std::move(reason);
  for (auto* call : calls_) call->answered.wake_all();
  send_turn_.wake_all();
  socket_->shutdown();
}

unexpected<error> client_connection::failed() const {
  return fail(errc::closed, "look at the broker's log for the reason", "{}: {}", name_, failure_);
}

unexpected<error> client_connection::not_offered(message_info const& request) const {
  return fail(errc::unsupported, "use a newer broker",
              "{} does not offer {} in a version that we speak ({} to {})", name_,
              name_of(request.key), request.valid.lowest, request.valid.highest);
}

unexpected<error> client_connection::unreadable(api_key key, std::string const& why) const {
  return fail(errc::corrupt, "", "{}: the answer to {} cannot be read: {}", name_, name_of(key),
              why);
}

task<> client_connection::close() {
  fail_all("closed");
  co_await tasks_.join();
  co_await socket_->close();
}

}  // namespace karst::net

#pragma once

#include <deque>
#include <memory>
#include <string>

#include "net/frame.h"
#include "net/messages/api_versions.h"
#include "net/wire/codec.h"
#include "reactor/socket.h"
#include "reactor/task_set.h"

namespace karst::net {

struct host_and_port {
  std::string host;
  std::uint16_t port = 0;

  std::string text() const { return fmt::format("{}:{}", host, port); }
};

struct client_options {
  std::vector<host_and_port> bootstrap;
  std::string client_id = "karst";
  duration request_timeout{30s};
};

// An answer together with the bytes that its views point into.
template <typename Response>
struct answer {
  buffer_chain bytes;
  decoded<Response> content;

  Response& operator*() { return content.message; }
  Response* operator->() { return &content.message; }
};

// Our side of a connection to a broker: asks which versions it speaks, sends requests in the order
// of the calls and hands each caller its answer. Any number of calls at a time, on one core. After
// a time-out or an error of the socket it is broken: every call fails at once, and the owner opens
// another. close() before destruction.
class client_connection {
 public:
  // Connects and agrees on versions. Errors say what was tried and what to do.
  static task<expected<std::unique_ptr<client_connection>, error>> open(host_and_port peer,
                                                                        client_options options);
  ~client_connection();

  // Sends the request in the highest version that both sides know, at most `highest`, and waits for
  // its answer, no longer than `timeout`; the options' when there is none.
  template <wire_message Response, wire_message Request>
  task<expected<answer<Response>, error>> ask(
      Request request, std::optional<duration> timeout = std::nullopt,
      std::int16_t highest = std::numeric_limits<std::int16_t>::max());
  // For acks=0: no answer will come.
  template <wire_message Request>
  task<expected<void, error>> tell(Request request);

  // nullopt: the broker does not offer the request in any version that we know.
  std::optional<std::int16_t> version_of(message_info const& request) const;
  std::string const& name() const { return name_; }
  bool broken() const { return !failure_.empty(); }
  task<> close();

 private:
  struct waiting_call {
    std::int32_t correlation_id = 0;
    bool done = false;
    buffer_chain frame;
    waiters answered;
  };

  client_connection(host_and_port const& peer, client_options options,
                    std::unique_ptr<karst::socket> socket);
  task<expected<void, error>> agree_on_versions();
  // Header and body out, frame of the answer (after its length) in.
  task<expected<buffer_chain, error>> exchange(api_key key, std::int16_t version, buffer_chain body,
                                               duration timeout);
  task<expected<void, error>> send(api_key key, std::int16_t version, std::int32_t correlation_id,
                                   buffer_chain body, waiting_call* call);
  task<> read();
  task<bool> read_frame();
  void deliver(buffer_chain frame);
  void fail_all(std::string reason);
  unexpected<error> failed() const;
  unexpected<error> not_offered(message_info const& request) const;
  unexpected<error> unreadable(api_key key, std::string const& why) const;

  std::string name_;
  client_options options_;
  std::unique_ptr<karst::socket> socket_;
  frame_reader frames_;
  std::vector<api_versions_response::api_version> offered_;
  std::deque<waiting_call*> calls_;  // in the order of their requests
  bool sending_ = false;
  waiters send_turn_;
  std::int32_t next_correlation_ = 1;
  std::string failure_;
  task_set tasks_;
};

template <wire_message Response, wire_message Request>
task<expected<answer<Response>, error>> client_connection::ask(Request request,
                                                               std::optional<duration> timeout,
                                                               std::int16_t highest) {
  auto version = version_of(Request::info);
  if (!version) co_return not_offered(Request::info);
  *version = std::min(*version, highest);
  auto frame =
      co_await exchange(Request::info.key, *version, join(encode(std::move(request), *version)),
                        timeout.value_or(options_.request_timeout));
  if (!frame) co_return unexpected<error>(frame.error());
  auto content = decode<Response>(*frame, *version);
  if (!content) co_return unreadable(Request::info.key, content.error());
  co_return answer<Response>{std::move(*frame), std::move(*content)};
}

template <wire_message Request>
task<expected<void, error>> client_connection::tell(Request request) {
  auto version = version_of(Request::info);
  if (!version) co_return not_offered(Request::info);
  co_return co_await send(Request::info.key, *version, next_correlation_++,
                          join(encode(std::move(request), *version)), nullptr);
}

}  // namespace karst::net

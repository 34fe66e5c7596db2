#pragma once

#include "net/wire/codec.h"
#include "net/wire/error_codes.h"

namespace karst::net {

struct delete_topics_request {
  static constexpr message_info info{api_key::delete_topics, message_kind::request, {1, 6}};

  // By name, or with a null name by id.
  struct topic {
    std::optional<std::string_view> name;
    uuid id;

    void describe(this auto& self, auto& v) {
      v("Name", self.name);
      v("TopicId", self.id);
    }
  };

  std::vector<topic> topics;
  std::vector<std::string_view> topic_names;  // up to version 5
  std::int32_t timeout_ms = 0;

  void describe(this auto& self, auto& v) {
    v("Topics", self.topics, since{6});
    v("TopicNames", self.topic_names, until{5});
    v("TimeoutMs", self.timeout_ms);
  }
};

struct delete_topics_response {
  static constexpr message_info info{api_key::delete_topics, message_kind::response, {1, 6}};

  struct topic {
    std::optional<std::string> name{""};  // null: asked for by an id that is not known
    uuid id;
    net::error_code error{};
    std::optional<std::string> error_message;

    void describe(this auto& self, auto& v) {
      v("Name", self.name, nullable_since{6});
      v("TopicId", self.id, since{6});
      v("ErrorCode", self.error);
      v("ErrorMessage", self.error_message, since{5});
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<topic> topics;

  void describe(this auto& self, auto& v) {
    v("ThrottleTimeMs", self.throttle_time_ms, since{1});
    v("Responses", self.topics);
  }
};

}  // namespace karst::net

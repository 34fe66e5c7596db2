#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/api/handlers.h"
#include "reactor/base/hash.h"

namespace karst::cluster {

// Makes the changes that a CreateTopics or CreatePartitions request asks for, one topic after
// another: change(context, asked, validate_only, deadline, answer). A topic that is named twice is
// answered once and not changed (INVALID_REQUEST), as by Kafka.
template <typename Request, typename Answer, typename Change>
task<> change_each_topic(request_context& context, Request const& request,
                         std::vector<Answer>& answers, Change change) {
  auto deadline =
      context.request.received_at + std::chrono::milliseconds{std::max(request.timeout_ms, 0)};
  hash_map<std::string_view, int> mentions;
  for (auto const& asked : request.topics) ++mentions[asked.name];
  answers.reserve(request.topics.size());
  for (auto const& asked : request.topics) {
    auto& times = mentions[asked.name];
    if (times == 0) continue;
    auto& answer = answers.emplace_back();
    answer.name = asked.name;
    if (times > 1) {
      times = 0;
      answer.error = net::error_code::invalid_request;
      answer.error_message = "Duplicate topic name.";
      continue;
    }
    co_await change(context, asked, request.validate_only, deadline, answer);
  }
}

}  // namespace karst::cluster

#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "net/messages/api_versions.h"
#include "net/messages/create_topics.h"
#include "net/messages/fetch.h"
#include "net/messages/init_producer_id.h"
#include "net/messages/list_offsets.h"
#include "net/messages/metadata.h"
#include "net/wire/header.h"
#include "reactor/base/expected.h"
#include "reactor/base/units.h"
#include "reactor/buffer_chain.h"

namespace karst::bench {

// What a broker that keeps nothing says: Produce is acknowledged, every topic exists, and each
// partition holds the same megabyte of records, for readers. Versions without flexible encoding
// only, which every client speaks. Pure: bytes in, bytes out. One core.
class sink_answers {
 public:
  // `port` is where clients are told to go; `partitions` what a topic has that nobody has made.
  sink_answers(std::uint16_t port, std::int32_t partitions);

  // Whether the frame (its length taken off) is a Produce request.
  static bool is_produce(std::span<std::byte const> frame);
  // Appends the answer to a Produce request, its length included, and nothing with acks=0: no
  // allocation once `to` has grown. False: the request cannot be read.
  bool answer_produce(std::span<std::byte const> frame, std::vector<std::byte>& to) const;

  struct answer {
    buffer_chain bytes;  // with the length
    duration after{};    // how long to hold it back: a reader at the end of a partition waits
  };
  // To any other request. The error: it cannot be read, or is none that we offer.
  expected<answer, std::string> answer_other(buffer_chain const& frame);

 private:
  net::api_versions_response respond(net::api_versions_request const&);
  net::metadata_response respond(net::metadata_request const& asked);
  net::create_topics_response respond(net::create_topics_request const& asked);
  net::init_producer_id_response respond(net::init_producer_id_request const&);
  net::list_offsets_response respond(net::list_offsets_request const& asked);
  net::fetch_response respond(net::fetch_request const& asked);

  template <typename Request>
  expected<answer, std::string> answer_as(buffer_chain const& frame,
                                          net::request_header const& from,
                                          std::size_t body_position);
  net::metadata_response::topic describe(std::string_view topic);
  net::fetch_response::partition read(net::fetch_request::partition const& asked) const;

  std::uint16_t port_;
  std::int32_t partitions_;
  std::map<std::string, std::int32_t, std::less<>> topics_;  // with their partitions
  std::vector<buffer> batches_;                              // what each partition holds
  std::int64_t records_per_batch_ = 0;
  std::int64_t next_producer_id_ = 0;
};

}  // namespace karst::bench

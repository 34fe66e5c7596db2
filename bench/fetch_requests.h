#pragma once

#include <span>
#include <vector>

#include "bench/fetch_answer.h"
#include "bench/lane.h"
#include "bench/load_options.h"
#include "net/messages/list_offsets.h"
#include "reactor/buffer.h"

namespace karst::bench {

// Where a reader is in one partition.
struct read_place {
  std::int32_t partition = 0;
  std::int64_t first = 0;  // where it begins again
  std::int64_t next = 0;
  bool ended = false;  // consume_mode::once: read to its end
};

// A reader's places in partitions of one topic, and the Fetch request that asks for what comes
// there: its bytes are made once, then only partitions and offsets change. A value on one core.
class fetch_requests {
 public:
  fetch_requests(load_options const& options, std::string topic, std::vector<read_place> places);

  // The next request's bytes, valid until the next call. Each partition is the first of a request
  // in its turn.
  std::span<std::byte> next();
  // Takes in what an answer said of a partition: moves on, or begins again. False: the place is not
  // one of these.
  bool move_on(fetched_partition const& answered);
  bool ended() const { return std::ranges::all_of(places_, &read_place::ended); }

  time_point sent{};  // the request that is being answered

 private:
  consume_mode mode_;
  std::vector<read_place> places_;
  std::size_t turn_ = 0;  // whose place is the first of the next request
  buffer frame_;
};

// The request for where partitions begin, or end in consume_mode::tail, as a whole frame.
buffer make_offsets_request(load_options const& options, std::vector<lane> const& lanes);
// Its answer, the length taken off.
expected<std::vector<read_place>, std::string> read_offsets_answer(buffer_chain const& answer);

}  // namespace karst::bench

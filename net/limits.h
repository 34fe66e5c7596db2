#pragma once

#include <cstddef>

#include "reactor/base/units.h"

namespace karst::net {

namespace limit {

// Exchanges that a core keeps for the next requests, about 400 bytes each: 64 connections with 16
// requests in flight. Those above it are freed.
inline constexpr std::size_t spare_exchanges = 1024;

// After so many Produce and Fetch requests in a row that all were for one other core, a connection
// asks to be served there; twice as many each time that it has asked. A move costs about as much as
// ten requests.
inline constexpr std::uint32_t requests_before_move = 16;
inline constexpr std::uint32_t requests_before_move_most = 1U << 24;
// A core takes a connection that asks while it has fewer than so many times its share of all: else
// a single busy partition would draw the connections of all its clients, and the kernel's work for
// them, to one core.
inline constexpr double connections_share_most = 1.5;

}  // namespace limit

// Every limit of the connections of one core: its derivation, and what happens at it. Those that
// have a Kafka key are set from it.
struct limits {
  // socket.request.max.bytes. A longer frame: logged, closed, nothing allocated.
  std::size_t request_bytes_max = 100 * MiB;
  // connections.max.idle.ms. A connection without a request in progress for so long is closed; so
  // is one whose client has not taken a single slice of an answer for so long.
  duration idle{10min};
  // max.connections and max.connections.per.ip, of the process: twice the 10,000 that are measured
  // (bench/footprint.py), at 8 KiB for an idle one 160 MiB. More are accepted and closed at once.
  std::size_t connections = 20'000;
  std::size_t connections_per_address = 20'000;

  // Frames up to here live in receive buffers or in memory of their own that grows with nothing but
  // the number of connections (64 KiB each, touched only as far as bytes have come). Longer ones
  // reserve their whole size first.
  std::size_t small_frame_bytes = 64 * KiB;
  // Frames up to here that are not whole yet may wait in receive buffers while the pool has enough,
  // so that what the Java producer sends (batch.size up to this) is copied once, into the log. At
  // it: memory is reserved first, and what came is copied there.
  std::size_t held_frame_bytes = 256 * KiB;
  // Two budgets per core, so that a half-sent frame of 100 MiB never keeps an ordinary produce
  // request waiting: one for frames up to medium_frame_bytes (above Kafka's max.request.size of 1
  // MiB and its usual multiples), one for those above. At the limit a frame waits, first come first
  // served, and the slowest senders are closed. Each is raised to hold at least one largest frame.
  std::size_t medium_frame_bytes = 4 * MiB;
  std::size_t medium_budget_bytes = 64 * MiB;
  std::size_t huge_budget_bytes = 128 * MiB;
  // The memory of a large frame comes in blocks of this size, as bytes arrive. A block must be full
  // within `block_patience`, or `block_patience_contended` while others wait for the budget: a
  // minimum rate of 26 KiB/s, and 256 KiB/s.
  std::size_t frame_block_bytes = 256 * KiB;
  duration block_patience{10s};
  duration block_patience_contended{1s};
  // A small frame, whole, from its first byte. Kafka clients give up on a request after 30 s.
  duration small_frame_patience{30s};

  // Requests of one connection started and not yet answered. Kafka's clients keep 5; librdkafka's
  // default is without bound, and what is beyond waits in the socket. Two groups of the journal:
  // one at the device and one that forms, 512 KiB each in both cores' journals, are 128 batches of
  // 16 KiB; with 32 a single producer got 530 MB/s where it gets 640 now.
  std::size_t in_flight = 128;
  // The same while receive memory is low: each of them keeps its bytes.
  std::size_t in_flight_while_low = 32;
  // Requests read and not yet started: enough to see a peer close while its fetch is parked.
  std::size_t read_ahead = 8;

  // Bytes of answers that wait for slow readers, per core: more than two fetch answers of
  // fetch.max.bytes (55 MiB). Above it the connection that has been stuck longest, at least for
  // `stuck_patience`, is closed, and so on until it fits.
  std::size_t output_budget_bytes = 128 * MiB;
  duration stuck_patience{1s};
  duration relief_pause{10ms};
  // One send: enough to keep the socket busy, and progress is seen in between. What a consumer asks
  // of a partition by default, 1 MiB, goes in one, with the rest of the answer.
  std::size_t send_slice_bytes = 1 * MiB + 64 * KiB;

  // A clean stop waits so long for answers to be taken, then cuts.
  duration stop_patience{500ms};
};

}  // namespace karst::net

#pragma once

#include <cstddef>
#include <cstdint>

#include "reactor/base/units.h"

// The log's own limits, each with its derivation and what happens at it.
namespace karst::limit {

// Free space of a log directory's volume below which produce is refused (the hard mark), or a
// twentieth of a smaller volume: enough for state, indexes, consumer offsets and the journal files
// of another start. At it: space_exhausted, until there is room.
inline constexpr std::uint64_t free_space_least = 512 * MiB;

// Bytes that a core allocates between two looks at the volume's free space: a small part of what
// lies between the marks of all but tiny volumes. A look is one immediate system call.
inline constexpr std::uint64_t allocated_unseen = 4 * MiB;

// What must be free above a mark before what began at it ends, at most: one preallocation.
inline constexpr std::uint64_t free_space_margin = 16 * MiB;

// Segment files of one core that stay open: half of the descriptors of the process, divided among
// the cores; the other half is for connections, journals, and files that are open in passing. At
// most what 10,000 logs on one core use that are written and read at once; at least what appends,
// destaging and readers hold at one moment. At it: the one unused longest is closed.
inline constexpr std::size_t segment_files_share = 2;
inline constexpr std::size_t segment_files_most = 20'000;
inline constexpr std::size_t segment_files_least = 64;

// Segment writes that one core has at the device of one directory, and their bytes. Many are small:
// the last blocks of sparse logs. Measured with 64 KiB batches beside, ext4 on a virtual disk: 16
// writes of 1 MiB made every group behind them wait, p99 20 ms; 1 MiB in all 3.3 ms, at the same
// 550 MB/s. At it: destaging waits. When the journal is nearly full it is this or a standstill of
// all appends until a file is free: then more, so that both go on at the same pace.
inline constexpr std::size_t segment_writes = 16;
inline constexpr std::size_t segment_write_bytes = 1 * MiB;
inline constexpr std::size_t segment_write_bytes_hurried = 4 * MiB;

// What of a file that is removed is freed in one step, and how many times as long as that took
// nothing is, at least 8 ms: a discard of 8 MiB takes one or two milliseconds, hence up to 1 GB/s
// for each core, more than it can append.
inline constexpr std::uint64_t freed_at_once = 8 * MiB;
inline constexpr int rests_while_freeing = 4;
inline constexpr std::chrono::milliseconds least_rest_while_freeing{8};
// Removed files that wait to be freed, per core and directory, or an eighth of its segment files;
// each holds a descriptor. At it: further ones are freed at once.
inline constexpr std::size_t files_freed_slowly = 256;
inline constexpr std::size_t files_freed_slowly_share = 8;

// Indexes of sealed segments in memory, per core and directory: 24 bytes for each 4 KiB of records,
// so that readers may be in 10 GiB of old records at once. At it: those of the segment unused
// longest are given up and read again when needed.
inline constexpr std::size_t index_bytes_kept = 64 * MiB;

// Leader epochs kept per log. Epochs without records are not kept, so this is elections that were
// followed by a write within the retention time; 12 bytes each, hence 12 KiB of a state entry. At
// it: the oldest is forgotten.
inline constexpr std::size_t epochs_per_log = 1024;

// Idempotent producers remembered per log: each takes up to 151 bytes of the log's state entry,
// which must fit in one 512 KiB journal group beside the remainder and the epochs. At it: the
// producer that was silent longest is forgotten, as if it had expired.
inline constexpr std::size_t producers_per_log = 2048;

// Bytes of segments whose batch headers a truncation looks through for producers of which all
// remembered batches were cut off, besides the segment that it cuts: one more of the default size.
// At it: a producer that was not found is unknown, as if it had expired.
inline constexpr std::uint64_t producers_looked_for = 1 * GiB;

// Reading segments for consumers. A piece is what the device is asked for at once: it takes about
// 0.5 ms at 1 GB/s, by which a journal write that comes behind it is late, and two of them keep a
// device busy (measured: ARCHITECTURE.md). All cores of a directory share that number, each has at
// least one. At it: readers of what is not in the page cache wait in turn; all others go on.
inline constexpr std::size_t segment_read_piece = 512 * KiB;
inline constexpr std::size_t device_reads = 2;

// What is read ahead of one reader into the page cache: what consumers ask of a partition at a
// time, by default. At most so many readers of a core at once; others are not read ahead for.
inline constexpr std::size_t read_ahead_bytes = MiB;
inline constexpr std::size_t read_ahead_tasks = 16;

// What a fetch reads of a segment while half of the core's memory for answers is in use: with the
// first batch, which may be larger, a consumer goes on, slowly.
inline constexpr std::size_t short_read_bytes = 64 * KiB;

// The largest uncompressed batch that is validated without yielding: 64 KiB of 100-byte records
// take about 15 us.
inline constexpr std::size_t validated_at_once = 256 * KiB;

// Bytes of inflated records looked at between two chances for others to run: 64 KiB take about
// 50-100 us through gzip, the slowest codec.
inline constexpr std::size_t inflate_slice = 64 * KiB;

// What a compressed batch may inflate to, as a multiple of max.message.bytes: real logs compress
// 100:1, and inflating costs time but no memory. At least 16 MiB, so that small limits do not
// refuse usual batches. At it: batch_too_large.
inline constexpr std::size_t inflate_factor = 128;
inline constexpr std::size_t inflate_least = 16 * MiB;

// The largest zstd window: 2^27 = 128 MiB is what level 22 writes and what Kafka's own reader
// takes. The memory is touched only as far as there is output. At it: batch_too_large.
inline constexpr int zstd_window_log = 27;

// A kept zstd context larger than this is freed after the batch: level 3 needs 2 MiB, larger
// windows are rare.
inline constexpr std::size_t kept_zstd_context = 4 * MiB;

// The largest block of snappy, which its library inflates in one piece: as much as zstd's window,
// while Java's blocks have 32 KiB and librdkafka's a whole batch before compression. A block gives
// at most 22 times its size, so this matters only where max.message.bytes is above 6 MiB. At it:
// batch_too_large.
inline constexpr std::size_t snappy_block = 128 * MiB;

// A kept snappy buffer larger than this is freed after the batch: Java's blocks need 32 KiB,
// librdkafka's a whole usual batch.
inline constexpr std::size_t kept_snappy_block = 1 * MiB;

// Compressed batches that are inflated at the same time on one core; each may hold a window or a
// snappy block. At it: wait.
inline constexpr std::size_t inflating = 4;

// Inflated bytes of a batch whose records must be numbered again, which needs them all at once;
// only clients of before 2015 send such batches. At it: batch_too_large.
inline constexpr std::size_t renumbered_bytes = 32 * MiB;

// The largest record that compaction looks at: it needs the key in one piece, and copies a record
// that does not lie in one slice. Above it, which takes a batch that compresses it 30:1 and more,
// the partition is not compacted (batch_too_large), and says so.
inline constexpr std::size_t compacted_record = 32 * MiB;

// Bytes of records that compaction looks at, or writes, between two chances for others to run:
// hashing and looking up take about as long as validating, compressing ten times that.
inline constexpr std::size_t compaction_slice = 64 * KiB;

// Errors by record that one answer names; a batch may hold a million records. At it: the rest are
// not listed.
inline constexpr std::size_t record_errors = 100;

}  // namespace karst::limit

#include "log/decompressor.h"

#include <lz4frame.h>
#include <snappy-sinksource.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>

#include "log/limits.h"
#include "log/xerial.h"

namespace karst::log {
namespace {

using bytes_view = std::span<std::byte const>;
using slice_result = expected<bytes_view, errc>;

// The compressed bytes that are left, piece by piece. A value.
class input_pieces {
 public:
  void reset(buffer_chain const& chain, std::size_t position, std::size_t size) {
    chain_ = &chain;
    piece_ = 0;
    at_ = position;
    left_ = size;
    settle();
  }
  bool empty() const { return left_ == 0; }
  std::size_t left() const { return left_; }
  bytes_view front() const {
    if (left_ == 0) return {};
    auto piece = chain_->pieces()[piece_].bytes().subspan(at_);
    return piece.first(std::min(piece.size(), left_));
  }
  void skip(std::size_t bytes) {
    KARST_ASSERT(bytes <= left_, "{} of {}", bytes, left_);
    at_ += bytes;
    left_ -= bytes;
    settle();
  }
  // Copies the next bytes without taking them.
  void peek(std::byte* to, std::size_t bytes) const {
    auto copy = *this;
    while (bytes != 0) {
      auto part = copy.front().first(std::min(bytes, copy.front().size()));
      to = std::ranges::copy(part, to).out;
      bytes -= part.size();
      copy.skip(part.size());
    }
  }
  // The next `bytes` as a source of their own.
  input_pieces first(std::size_t bytes) const {
    auto part = *this;
    part.left_ = bytes;
    return part;
  }

 private:
  void settle() {
    while (left_ != 0 && at_ >= chain_->pieces()[piece_].size()) {
      at_ -= chain_->pieces()[piece_].size();
      ++piece_;
    }
  }
  buffer_chain const* chain_ = nullptr;
  std::size_t piece_ = 0;
  std::size_t at_ = 0;
  std::size_t left_ = 0;
};

unexpected<errc> corrupt() { return std::unexpected(errc::corrupt_batch); }

class gzip_reader {
 public:
  ~gzip_reader() {
    if (ready_) inflateEnd(&stream_);
  }
  void start() {
    constexpr int gzip_framing = 16;
    if (ready_) {
      inflateReset(&stream_);
    } else {
      auto result = inflateInit2(&stream_, gzip_framing + MAX_WBITS);
      KARST_ASSERT(result == Z_OK, "inflateInit2: {}", result);
      ready_ = true;
    }
    between_members_ = false;
  }
  slice_result next(input_pieces& input, std::span<std::byte> slice) {
    stream_.next_out = reinterpret_cast<Bytef*>(slice.data());
    stream_.avail_out = static_cast<uInt>(slice.size());
    while (stream_.avail_out != 0) {
      auto part = input.front();
      if (part.empty()) {
        if (between_members_) break;
        // zlib may hold output back that needs no more input; without progress the stream is cut.
        if (stream_.avail_out == slice.size()) return corrupt();
        break;
      }
      // Members may follow each other (RFC 1952); Java reads them as one stream.
      if (std::exchange(between_members_, false)) inflateReset(&stream_);
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(part.data()));
      stream_.avail_in = static_cast<uInt>(part.size());
      auto result = inflate(&stream_, Z_NO_FLUSH);
      input.skip(part.size() - stream_.avail_in);
      if (result == Z_STREAM_END) {
        between_members_ = true;
      } else if (result != Z_OK) {
        return corrupt();
      }
    }
    return slice.first(slice.size() - stream_.avail_out);
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
  bool between_members_ = false;
};

class zstd_reader {
 public:
  ~zstd_reader() { ZSTD_freeDCtx(context_); }
  void start() {
    if (context_ != nullptr && ZSTD_sizeof_DCtx(context_) > limit::kept_zstd_context) {
      ZSTD_freeDCtx(context_);
      context_ = nullptr;
    }
    if (context_ == nullptr) {
      context_ = ZSTD_createDCtx();
      KARST_ASSERT(context_ != nullptr);
      ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, limit::zstd_window_log);
    }
    ZSTD_DCtx_reset(context_, ZSTD_reset_session_only);
    whole_ = false;
  }
  slice_result next(input_pieces& input, std::span<std::byte> slice) {
    ZSTD_outBuffer out{slice.data(), slice.size(), 0};
    while (out.pos != out.size) {
      auto part = input.front();
      if (part.empty() && whole_) break;
      ZSTD_inBuffer in{part.data(), part.size(), 0};
      auto before = out.pos;
      auto result = ZSTD_decompressStream(context_, &out, &in);
      input.skip(in.pos);
      if (ZSTD_isError(result)) {
        bool window = ZSTD_getErrorCode(result) == ZSTD_error_frameParameter_windowTooLarge;
        return std::unexpected(window ? errc::batch_too_large : errc::corrupt_batch);
      }
      whole_ = result == 0;
      if (part.empty() && !whole_ && out.pos == before) return corrupt();
    }
    return slice.first(out.pos);
  }

 private:
  ZSTD_DCtx* context_ = nullptr;
  bool whole_ = false;  // a frame has just ended
};

class lz4_reader {
 public:
  ~lz4_reader() { LZ4F_freeDecompressionContext(context_); }
  void start() {
    if (context_ == nullptr) {
      auto result = LZ4F_createDecompressionContext(&context_, LZ4F_VERSION);
      KARST_ASSERT(!LZ4F_isError(result), "{}", LZ4F_getErrorName(result));
    }
    LZ4F_resetDecompressionContext(context_);
    begun_ = false;
    whole_ = false;
  }
  slice_result next(input_pieces& input, std::span<std::byte> slice) {
    if (!std::exchange(begun_, true) && !readable_by_java(input)) return corrupt();
    std::size_t filled = 0;
    while (filled != slice.size()) {
      auto part = input.front();
      if (whole_) {
        // Java reads one frame and takes what follows for damage.
        if (!part.empty()) return corrupt();
        break;
      }
      auto taken = part.size();
      auto given = slice.size() - filled;
      auto hint =
          LZ4F_decompress(context_, slice.data() + filled, &given, part.data(), &taken, nullptr);
      if (LZ4F_isError(hint)) return corrupt();
      input.skip(taken);
      filled += given;
      whole_ = hint == 0;
      if (!whole_ && taken == 0 && given == 0) return corrupt();
    }
    return slice.first(filled);
  }

 private:
  // Kafka's Java reader refuses blocks that depend on each other (bit 5 of the descriptor clear):
  // accepted here, no Java consumer could ever pass this batch.
  static bool readable_by_java(input_pieces const& input) {
    constexpr std::size_t descriptor = 4;
    constexpr std::byte independent{0x20};
    std::array<std::byte, descriptor + 1> head;
    if (input.left() < head.size()) return false;
    input.peek(head.data(), head.size());
    return (head[descriptor] & independent) == independent;
  }

  LZ4F_dctx* context_ = nullptr;
  bool begun_ = false;
  bool whole_ = false;
};

// Some of the input as snappy's library wants to read it.
class snappy_source final : public snappy::Source {
 public:
  explicit snappy_source(input_pieces pieces) : pieces_(pieces) {}
  std::size_t Available() const override { return pieces_.left(); }
  char const* Peek(std::size_t* size) override {
    auto part = pieces_.front();
    *size = part.size();
    return reinterpret_cast<char const*>(part.data());
  }
  void Skip(std::size_t bytes) override { pieces_.skip(bytes); }

 private:
  input_pieces pieces_;
};

// Raw snappy (librdkafka and others: one block) or xerial's framing (Java: many).
class snappy_reader {
 public:
  void start(input_pieces& input) {
    block_ = {};
    // A buffer that one huge block needed is not kept for the usual ones.
    if (inflated_.capacity() > limit::kept_snappy_block) inflated_ = {};
    xerial_ = false;
    if (input.left() < xerial::header_bytes) return;
    std::array<std::byte, xerial::header_bytes> head;
    input.peek(head.data(), head.size());
    xerial_ = xerial::is_header(head);
    if (xerial_) input.skip(head.size());
  }
  slice_result next(input_pieces& input, std::size_t most) {
    while (block_.empty() && !input.empty()) {
      if (auto read = read_block(input, most); !read) return std::unexpected(read.error());
    }
    auto slice = block_.first(std::min(block_.size(), limit::inflate_slice));
    block_ = block_.subspan(slice.size());
    return slice;
  }

 private:
  expected<void, errc> read_block(input_pieces& input, std::size_t most) {
    auto size = input.left();
    if (xerial_) {
      std::array<std::byte, 4> length;
      if (size < length.size()) return corrupt();
      input.peek(length.data(), length.size());
      input.skip(length.size());
      size = load_be<std::uint32_t>(length.data());
      if (size == 0 || size > input.left()) return corrupt();
    }
    snappy_source lengths{input.first(size)};
    std::uint32_t inflated = 0;
    if (!snappy::GetUncompressedLength(&lengths, &inflated)) return corrupt();
    // Three bytes of input give at most 64 of output, so a larger claim is false: nothing is
    // allocated for it.
    if (inflated > size * 22 + 64) return corrupt();
    if (inflated > std::min(most, limit::snappy_block)) {
      return std::unexpected(errc::batch_too_large);
    }
    inflated_.resize(inflated);
    snappy_source source{input.first(size)};
    if (!snappy::RawUncompress(&source, reinterpret_cast<char*>(inflated_.data()))) {
      return corrupt();
    }
    input.skip(size);
    block_ = inflated_;
    return {};
  }

  std::vector<std::byte> inflated_;
  bytes_view block_;  // what of it was not given yet
  bool xerial_ = false;
};

}  // namespace

struct decompressor::state {
  codec compression = codec::none;
  input_pieces input;
  std::size_t most_output = 0;
  std::size_t produced = 0;
  std::vector<std::byte> slice;
  gzip_reader gzip;
  snappy_reader snappy;
  lz4_reader lz4;
  zstd_reader zstd;

  slice_result pass_through() {
    auto part = input.front();
    part = part.first(std::min(part.size(), limit::inflate_slice));
    input.skip(part.size());
    return part;
  }
  slice_result inflate_slice() {
    switch (compression) {
      case codec::none:
        return pass_through();
      case codec::gzip:
        return gzip.next(input, slice);
      case codec::snappy:
        return snappy.next(input, most_output - produced);
      case codec::lz4:
        return lz4.next(input, slice);
      case codec::zstd:
        return zstd.next(input, slice);
    }
    return corrupt();
  }
};

decompressor::decompressor() : state_(std::make_unique<state>()) {}
decompressor::~decompressor() = default;
decompressor::decompressor(decompressor&&) noexcept = default;
decompressor& decompressor::operator=(decompressor&&) noexcept = default;

void decompressor::start(codec compression, buffer_chain const& input, std::size_t position,
                         std::size_t size, std::size_t most_output) {
  auto& state = *state_;
  state.compression = compression;
  state.input.reset(input, position, size);
  state.most_output = most_output;
  state.produced = 0;
  if (compression != codec::none && compression != codec::snappy) {
    state.slice.resize(limit::inflate_slice);
  }
  switch (compression) {
    case codec::none:
      break;
    case codec::gzip:
      state.gzip.start();
      break;
    case codec::snappy:
      state.snappy.start(state.input);
      break;
    case codec::lz4:
      state.lz4.start();
      break;
    case codec::zstd:
      state.zstd.start();
      break;
  }
}

slice_result decompressor::next() {
  auto slice = state_->inflate_slice();
  if (!slice) return slice;
  state_->produced += slice->size();
  if (state_->produced > state_->most_output) return std::unexpected(errc::batch_too_large);
  return slice;
}

std::size_t decompressor::produced() const { return state_->produced; }

expected<buffer, errc> decompress(codec compression, buffer_chain const& input,
                                  std::size_t position, std::size_t size, std::size_t most_output) {
  decompressor inflate;
  inflate.start(compression, input, position, size, most_output);
  std::vector<std::byte> all;
  while (true) {
    auto slice = inflate.next();
    if (!slice) return std::unexpected(slice.error());
    if (slice->empty()) break;
    all.insert(all.end(), slice->begin(), slice->end());
  }
  return buffer::copy_of(all);
}

}  // namespace karst::log

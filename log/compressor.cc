#include "log/compressor.h"

#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include "log/limits.h"
#include "log/xerial.h"

namespace karst::log {
namespace {

// Room for more output at the end of a vector; what was not used is cut off again.
class growing {
 public:
  growing(std::vector<std::byte>& to, std::size_t room) : to_(to), begin_(to.size()) {
    to.resize(begin_ + room);
  }
  std::byte* data() { return to_.data() + begin_; }
  std::size_t room() const { return to_.size() - begin_; }
  void keep(std::size_t used) { to_.resize(begin_ + used); }

 private:
  std::vector<std::byte>& to_;
  std::size_t begin_;
};

constexpr std::size_t step = 16 * KiB;

}  // namespace

struct compressor::state {
  codec compression = codec::none;
  std::vector<std::byte>* to = nullptr;
  std::optional<z_stream> gzip;
  LZ4F_cctx* lz4 = nullptr;
  ZSTD_CCtx* zstd = nullptr;
  std::vector<std::byte> snappy_block;

  ~state() {
    if (gzip) deflateEnd(&*gzip);
    LZ4F_freeCompressionContext(lz4);
    ZSTD_freeCCtx(zstd);
  }

  void start_gzip(int level) {
    constexpr int gzip_framing = 16;
    constexpr int memory_level = 8;
    if (gzip) deflateEnd(&*gzip);
    gzip.emplace();
    auto result =
        deflateInit2(&*gzip, level == default_level ? Z_DEFAULT_COMPRESSION : level, Z_DEFLATED,
                     gzip_framing + MAX_WBITS, memory_level, Z_DEFAULT_STRATEGY);
    KARST_ASSERT(result == Z_OK, "deflateInit2: {}, level {}", result, level);
  }
  void write_gzip(std::span<std::byte const> bytes, int flush) {
    gzip->next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
    gzip->avail_in = static_cast<uInt>(bytes.size());
    bool full = true;
    while (full) {
      growing out{*to, step};
      gzip->next_out = reinterpret_cast<Bytef*>(out.data());
      gzip->avail_out = step;
      deflate(&*gzip, flush);
      full = gzip->avail_out == 0;
      out.keep(step - gzip->avail_out);
    }
  }

  void start_lz4(int level) {
    if (lz4 == nullptr) LZ4F_createCompressionContext(&lz4, LZ4F_VERSION);
    KARST_ASSERT(lz4 != nullptr);
    growing out{*to, LZ4F_HEADER_SIZE_MAX};
    lz4_preferences.compressionLevel = level == default_level ? 0 : level;
    out.keep(LZ4F_compressBegin(lz4, out.data(), out.room(), &lz4_preferences));
  }
  void write_lz4(std::span<std::byte const> bytes) {
    growing out{*to, LZ4F_compressBound(bytes.size(), &lz4_preferences)};
    out.keep(LZ4F_compressUpdate(lz4, out.data(), out.room(), bytes.data(), bytes.size(), nullptr));
  }
  void finish_lz4() {
    growing out{*to, LZ4F_compressBound(0, &lz4_preferences)};
    out.keep(LZ4F_compressEnd(lz4, out.data(), out.room(), nullptr));
  }

  void start_zstd(int level) {
    if (zstd == nullptr) zstd = ZSTD_createCCtx();
    KARST_ASSERT(zstd != nullptr);
    ZSTD_CCtx_reset(zstd, ZSTD_reset_session_and_parameters);
    ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel,
                           level == default_level ? ZSTD_CLEVEL_DEFAULT : level);
  }
  void write_zstd(std::span<std::byte const> bytes, ZSTD_EndDirective end) {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    std::size_t left = 1;
    while (in.pos != in.size || (end == ZSTD_e_end && left != 0)) {
      growing room{*to, step};
      ZSTD_outBuffer out{room.data(), step, 0};
      left = ZSTD_compressStream2(zstd, &out, &in, end);
      KARST_ASSERT(!ZSTD_isError(left), "{}", ZSTD_getErrorName(left));
      room.keep(out.pos);
    }
  }

  void write_snappy(std::span<std::byte const> bytes) {
    while (!bytes.empty()) {
      auto part = std::min(bytes.size(), xerial::block_bytes - snappy_block.size());
      snappy_block.insert(snappy_block.end(), bytes.begin(), bytes.begin() + part);
      bytes = bytes.subspan(part);
      if (snappy_block.size() == xerial::block_bytes) finish_snappy_block();
    }
  }
  void finish_snappy_block() {
    if (snappy_block.empty()) return;
    constexpr std::size_t length_bytes = 4;
    growing out{*to, length_bytes + snappy::MaxCompressedLength(snappy_block.size())};
    std::size_t size = 0;
    snappy::RawCompress(reinterpret_cast<char const*>(snappy_block.data()), snappy_block.size(),
                        reinterpret_cast<char*>(out.data() + length_bytes), &size);
    store_be(out.data(), static_cast<std::uint32_t>(size));
    out.keep(length_bytes + size);
    snappy_block.clear();
  }

  // 64 KiB independent blocks: what Java writes, and all that it reads.
  LZ4F_preferences_t lz4_preferences{
      .frameInfo = {.blockSizeID = LZ4F_max64KB, .blockMode = LZ4F_blockIndependent}};
};

compressor::compressor() : state_(std::make_unique<state>()) {}
compressor::~compressor() = default;
compressor::compressor(compressor&&) noexcept = default;
compressor& compressor::operator=(compressor&&) noexcept = default;

void compressor::start(codec compression, std::vector<std::byte>& to, int level) {
  state_->compression = compression;
  state_->to = &to;
  switch (compression) {
    case codec::none:
      break;
    case codec::gzip:
      state_->start_gzip(level);
      break;
    case codec::snappy: {
      auto header = std::as_bytes(std::span{xerial::header});
      to.insert(to.end(), header.begin(), header.end());
      break;
    }
    case codec::lz4:
      state_->start_lz4(level);
      break;
    case codec::zstd:
      state_->start_zstd(level);
      break;
  }
}

void compressor::write(std::span<std::byte const> bytes) {
  if (bytes.empty()) return;
  switch (state_->compression) {
    case codec::none:
      state_->to->insert(state_->to->end(), bytes.begin(), bytes.end());
      break;
    case codec::gzip:
      state_->write_gzip(bytes, Z_NO_FLUSH);
      break;
    case codec::snappy:
      state_->write_snappy(bytes);
      break;
    case codec::lz4:
      state_->write_lz4(bytes);
      break;
    case codec::zstd:
      state_->write_zstd(bytes, ZSTD_e_continue);
      break;
  }
}

void compressor::finish() {
  switch (state_->compression) {
    case codec::none:
      break;
    case codec::gzip:
      state_->write_gzip({}, Z_FINISH);
      break;
    case codec::snappy:
      state_->finish_snappy_block();
      break;
    case codec::lz4:
      state_->finish_lz4();
      break;
    case codec::zstd:
      state_->write_zstd({}, ZSTD_e_end);
      break;
  }
}

}  // namespace karst::log

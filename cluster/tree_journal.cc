#include "cluster/tree_journal.h"

#include "reactor/base/crc32c.h"
#include "reactor/base/endian.h"

namespace karst::cluster {
namespace {

// Both files: magic (4), CRC-32C of all that follows (4), length of the body (4), sequence (8),
// body. All numbers little endian. A body is a run of changes: kind (1; 0 removed, 1 set), path
// length (4), path, and for a set node data length (4), data.
constexpr std::uint32_t snapshot_magic = 0x4b545331;  // "KTS1"
constexpr std::uint32_t journal_magic = 0x4b544a31;   // "KTJ1"
constexpr std::size_t header_bytes = 20;

// A tree of 100,000 partitions is about 15 MB; what is larger is not ours.
constexpr std::size_t largest_file = 256 * MiB;
constexpr std::uint64_t shortest_long_journal = MiB;

// Space that the journal has ahead: topics can be deleted on a disk that others have filled.
constexpr std::uint64_t allocated_step = 256 * KiB;

template <typename T>
void put(std::string& to, T value) {
  char bytes[sizeof value];
  store_le(bytes, value);
  to.append(bytes, sizeof value);
}

template <typename T>
T get(std::string_view from, std::size_t at) {
  return load_le<T>(from.data() + at);
}

void put_text(std::string& to, std::string_view text) {
  put<std::uint32_t>(to, static_cast<std::uint32_t>(text.size()));
  to += text;
}

void put_change(std::string& body, std::string_view path, std::string const* data) {
  put<std::uint8_t>(body, data != nullptr ? 1 : 0);
  put_text(body, path);
  if (data != nullptr) put_text(body, *data);
}

std::uint32_t checksum_of(std::string_view bytes) { return crc32c(0, bytes.data(), bytes.size()); }

std::string frame(std::uint32_t magic, std::uint64_t sequence, std::string_view body) {
  std::string checked;
  put<std::uint32_t>(checked, static_cast<std::uint32_t>(body.size()));
  put<std::uint64_t>(checked, sequence);
  checked += body;
  std::string framed;
  put<std::uint32_t>(framed, magic);
  put<std::uint32_t>(framed, checksum_of(checked));
  framed += checked;
  return framed;
}

struct parsed_frame {
  std::uint64_t sequence = 0;
  std::string_view body;
  std::size_t size = 0;
};

// The whole frame at the start of `bytes`, or nothing.
std::optional<parsed_frame> parse_frame(std::uint32_t magic, std::string_view bytes) {
  if (bytes.size() < header_bytes || get<std::uint32_t>(bytes, 0) != magic) return std::nullopt;
  auto length = get<std::uint32_t>(bytes, 8);
  if (length > bytes.size() - header_bytes) return std::nullopt;
  auto checked = bytes.substr(8, header_bytes - 8 + length);
  if (checksum_of(checked) != get<std::uint32_t>(bytes, 4)) return std::nullopt;
  return parsed_frame{get<std::uint64_t>(bytes, 12), bytes.substr(header_bytes, length),
                      header_bytes + length};
}

// Applies a body that passed its checksum; false if it does not parse all the same.
bool apply_body(std::string_view body, tree_contents& contents) {
  auto take_text = [&body](std::string_view& text) {
    if (body.size() < 4) return false;
    auto length = get<std::uint32_t>(body, 0);
    if (length > body.size() - 4) return false;
    text = body.substr(4, length);
    body.remove_prefix(4 + length);
    return true;
  };
  while (!body.empty()) {
    auto set = body.front() == 1;
    body.remove_prefix(1);
    std::string_view path;
    std::string_view data;
    if (!take_text(path) || (set && !take_text(data))) return false;
    if (set) {
      contents[std::string{path}] = data;
    } else if (auto found = contents.find(path); found != contents.end()) {
      contents.erase(found);
    }
  }
  return true;
}

// Whether a whole group that is newer than `sequence` lies anywhere in the bytes.
bool holds_later_group(std::string_view bytes, std::uint64_t sequence) {
  for (std::size_t at = 0; at + header_bytes <= bytes.size(); ++at) {
    if (get<std::uint32_t>(bytes, at) != journal_magic) continue;
    auto group = parse_frame(journal_magic, bytes.substr(at));
    if (group && group->sequence > sequence) return true;
  }
  return false;
}

std::string snapshot_path(std::string const& directory) {
  return directory + "/karst-tree-snapshot";
}
std::string journal_path(std::string const& directory) { return directory + "/karst-tree-journal"; }

unexpected<error> cannot(std::string_view what, std::string const& path, errc code) {
  return fail(code, "check the disk and the owner of the directory", "cannot {} {}: {}", what, path,
              describe(code));
}

unexpected<error> damaged(std::string const& path, std::string_view what) {
  return fail(errc::corrupt,
              "restore the file from a backup; the records in the data directory are not affected",
              "{} is damaged: {}", path, what);
}

}  // namespace

task<expected<void, error>> tree_journal::read_snapshot(opened& into) {
  auto path = snapshot_path(directory_);
  auto bytes = co_await read_file(path, largest_file);
  if (!bytes && bytes.error() == errc::not_found) co_return expected<void, error>{};
  if (!bytes) co_return cannot("read", path, bytes.error());
  auto whole = parse_frame(snapshot_magic, *bytes);
  if (!whole || whole->size != bytes->size() || !apply_body(whole->body, into.contents)) {
    co_return damaged(path, "its checksum does not match");
  }
  into.existed = true;
  sequence_ = whole->sequence;
  snapshot_bytes_ = bytes->size();
  co_return expected<void, error>{};
}

task<expected<void, error>> tree_journal::read_journal(opened& into) {
  auto path = journal_path(directory_);
  auto bytes = co_await read_file(path, largest_file);
  if (!bytes && bytes.error() == errc::not_found) co_return expected<void, error>{};
  if (!bytes) co_return cannot("read", path, bytes.error());
  auto rest = std::string_view{*bytes};
  if (!into.existed && holds_later_group(rest, 0)) {
    co_return damaged(snapshot_path(directory_), "it is missing, but the journal beside it is not");
  }
  while (auto group = parse_frame(journal_magic, rest)) {
    if (group->sequence > sequence_ + 1) co_return damaged(path, "changes are missing in it");
    if (group->sequence == sequence_ + 1) {
      if (!apply_body(group->body, into.contents))
        co_return damaged(path, "a change does not parse");
      sequence_ = group->sequence;
    }
    end_ += group->size;
    rest.remove_prefix(group->size);
  }
  if (holds_later_group(rest, sequence_)) {
    co_return damaged(path,
                      fmt::format("the change at byte {} is broken, later ones are whole", end_));
  }
  co_return expected<void, error>{};
}

task<expected<tree_journal::opened, error>> tree_journal::open(std::string directory) {
  opened result;
  result.journal.reset(new tree_journal{directory});
  auto& journal = *result.journal;
  if (auto read = co_await journal.read_snapshot(result); !read) {
    co_return unexpected<error>(read.error());
  }
  if (auto read = co_await journal.read_journal(result); !read) {
    co_return unexpected<error>(read.error());
  }
  auto path = journal_path(directory);
  auto opened_file = co_await file::open(path, open_read | open_write | open_create);
  if (!opened_file) co_return cannot("open", path, opened_file.error());
  journal.file_ = std::move(*opened_file);
  // What a crash tore is gone from the disk before anything is written over it.
  auto cut = co_await journal.file_.truncate(journal.end_);
  if (cut) cut = co_await journal.file_.sync();
  if (cut) cut = co_await sync_directory(directory);
  if (!cut) co_return cannot("prepare", path, cut.error());
  co_return std::move(result);
}

// As far as there is room: a write tells what there is not.
task<> tree_journal::allocate_ahead(std::uint64_t bytes) {
  if (end_ + bytes <= allocated_) co_return;
  auto const target = end_ + bytes + allocated_step;
  auto const from = std::max(allocated_, end_);
  if (co_await file_.allocate(from, target - from)) allocated_ = target;
}

task<expected<>> tree_journal::append(std::vector<tree_change> const& changes) {
  std::string body;
  for (auto const& change : changes) {
    put_change(body, change.path, change.data ? &*change.data : nullptr);
  }
  auto framed = frame(journal_magic, sequence_ + 1, body);
  co_await allocate_ahead(framed.size());
  auto written =
      co_await file_.write(end_, std::as_bytes(std::span{framed.data(), framed.size()}), true);
  if (!written) co_return written;
  ++sequence_;
  end_ += framed.size();
  co_return expected<>{};
}

bool tree_journal::is_long() const {
  return end_ > shortest_long_journal && end_ > 2 * snapshot_bytes_;
}

task<expected<>> tree_journal::replace_snapshot(tree_contents const& contents) {
  std::string body;
  for (auto const& [path, data] : contents) put_change(body, path, &data);
  auto framed = frame(snapshot_magic, sequence_, body);
  auto size = framed.size();
  auto replaced = co_await write_file_atomically(snapshot_path(directory_), std::move(framed));
  if (replaced) replaced = co_await file_.truncate(0);
  if (replaced) replaced = co_await file_.sync();
  if (!replaced) co_return replaced;
  snapshot_bytes_ = size;
  end_ = 0;
  allocated_ = 0;
  co_await allocate_ahead(allocated_step / 2);
  co_return expected<>{};
}

task<> tree_journal::close() {
  if (file_) (void)co_await file_.close();
}

}  // namespace karst::cluster

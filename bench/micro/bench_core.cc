#include "bench/micro/bench_core.h"

#include <stdlib.h>

#include <filesystem>

#include "log/batch_builder.h"
#include "log/validated_batch.h"
#include "reactor/file.h"

namespace karst::micro {

void give_up(std::string_view what) {
  fmt::print(stderr, "bench_micro: {} failed; is there room in $TMPDIR?\n", what);
  std::exit(1);
}

bench_core::bench_core(io_choice choice) {
  auto made = make_io(choice);
  if (!made) give_up(made.error().message());
  core_ = std::make_unique<core>(core_id{0}, std::move(made->io), std::make_unique<system_clock>(),
                                 mail_);
}

scratch_directory::scratch_directory() {
  path_ = (std::filesystem::temp_directory_path() / "karst-micro-XXXXXX").string();
  if (mkdtemp(path_.data()) == nullptr) give_up("making a directory in " + path_);
}

scratch_directory::~scratch_directory() { std::filesystem::remove_all(path_); }

std::string scratch_directory::operator/(std::string_view name) const {
  return fmt::format("{}/{}", path_, name);
}

task<> bench_logs::open(std::string path) {
  auto opened = co_await log::log_directory::open({.path = std::move(path)});
  if (!opened) give_up(opened.error().message());
  directory_ = std::move(*opened);
  auto started = co_await log::log_manager::start(*directory_);
  if (!started) give_up(started.error().message());
  manager_ = std::move(*started);
  std::vector<log::log_id> found;
  for (auto const& each : directory_->report().logs) found.push_back(each.id);
  auto ready = [this](log::partition_log& log) { logs_.push_back(&log); };
  need(co_await manager_->recover(std::move(found), ready, {}), "recovery");
  need(co_await directory_->finish_recovery(), "finishing the recovery");
}

task<std::unique_ptr<bench_logs>> bench_logs::recover(std::string path) {
  auto made = std::make_unique<bench_logs>();
  co_await made->open(std::move(path));
  co_return made;
}

task<std::unique_ptr<bench_logs>> bench_logs::start(std::string path, std::size_t logs) {
  need(co_await make_directory(path), "making a directory");
  auto made = co_await recover(std::move(path));
  for (std::size_t i = 0; i < logs; ++i) {
    auto log = co_await made->manager_->create(log::log_id{i + 1}, "micro",
                                               static_cast<std::int32_t>(i), make_uuid(1, i), {});
    if (!log) give_up(log.error().message());
    made->logs_.push_back(*log);
  }
  co_return made;
}

task<> bench_logs::close() {
  need(co_await manager_->close({}), "closing the logs");
  manager_.reset();
  need(co_await directory_->close(), "closing the directory");
}

task<log::append_info> bench_logs::append(std::size_t which, log::validated_batch const& batch) {
  while (true) {
    need(co_await logs_[which]->room_for(batch.size()), "waiting for room");
    auto done = logs_[which]->append(batch, {.now = core::current().clock().wall_now()});
    if (done) co_return *done;
    if (done.error() != log::errc::space_exhausted) give_up("an append");
  }
}

std::string text_of(std::size_t bytes) {
  std::string text;
  for (std::uint64_t line = 0; text.size() < bytes; ++line) {
    text += fmt::format("2026-01-01T00:00:{:02} GET /items/{} 200 {}ms curl/8.1\n", line % 60,
                        line * 7919 % 100'003, line * 31 % 97);
  }
  text.resize(bytes);
  return text;
}

log::validated_batch batch_of(std::size_t records, std::size_t bytes) {
  log::batch_builder builder;
  for (std::size_t i = 0; i < records; ++i) builder.add(1'767'225'600'000, {}, text_of(bytes));
  return log::validated_batch::trusted(buffer_chain{builder.finish()});
}

}  // namespace karst::micro

// Which way from stored records to a consumer costs least: memory that is sent as it lies, the
// kernel's sendfile(2), or reading into memory and sending that? The file is in the page cache; a
// second thread takes the bytes off the other end of a loopback connection and throws them away.
//
// 2 cores of an AMD EPYC at 2.6 GHz, CPU of the sender for 64 KB (1 MB), medians of five: memory 13
// us (208 us), sendfile 15 us (191 us), reading and sending 18 us (325 us). So the tail's memory is
// the cheapest way for what is in it; for the rest, sendfile would save a fifth to two fifths, but
// blocks the core when the page is not there, and nobody checks the CRC.
#include <fcntl.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "bench/micro/bench_core.h"
#include "reactor/file.h"
#include "reactor/socket.h"

namespace karst::micro {
namespace {

// A connection whose far end takes everything, without copying it out of the kernel.
class drained_connection {
 public:
  static task<std::unique_ptr<drained_connection>> open() {
    auto made = std::make_unique<drained_connection>();
    auto const here = need(resolve_address("127.0.0.1", 0), "resolving");
    auto door = need(listener::open(here, 1), "listening");
    auto const there = need(resolve_address("127.0.0.1", door->port()), "resolving");
    made->near = need(co_await socket::connect(there), "connecting");
    made->far_ = std::thread{drain, need(co_await door->accept(), "accepting")};
    door->stop();
    co_await door->close();
    co_return made;
  }
  task<> close() {
    near->shutdown();
    far_.join();
    co_await near->close();
  }
  std::unique_ptr<socket> near;

 private:
  static void drain(int fd) {
    (void)::fcntl(fd, F_SETFL, 0);  // blocks
    std::vector<std::byte> unused(MiB);
    while (::recv(fd, unused.data(), unused.size(), MSG_TRUNC) > 0) {
    }
    ::close(fd);
  }
  std::thread far_;
};

task<std::shared_ptr<file>> made_file(std::string path, std::size_t bytes) {
  auto made = need(co_await file::open(path, open_write | open_create), "making a file");
  auto const text = text_of(bytes);
  need(co_await made.write(0, std::as_bytes(std::span{text}), true), "writing");
  need(co_await made.close(), "closing");
  co_return std::make_shared<file>(need(co_await file::open(path, open_read), "opening"));
}

enum class way : std::uint8_t { memory, sendfile, read_and_send };

task<> send_loop(benchmark::State& state, std::string path, way how) {
  auto const bytes = static_cast<std::size_t>(state.range(0));
  auto source = co_await made_file(std::move(path), bytes);
  auto connection = co_await drained_connection::open();
  auto text = text_of(bytes);
  for (auto _ : state) {
    if (how == way::memory) {
      iovec piece{text.data(), text.size()};
      need(co_await connection->near->send(std::span{&piece, 1}), "sending");
    } else if (how == way::read_and_send) {
      need(co_await connection->near->send_file({source, 0, bytes}), "sending a file");
    } else {
      off_t at = 0;
      while (at < static_cast<off_t>(bytes)) {
        auto const left = bytes - static_cast<std::size_t>(at);
        auto sent = ::sendfile(connection->near->descriptor(), source->descriptor(), &at, left);
        if (sent >= 0) continue;
        // The far end has a thread of its own: this one may block.
        pollfd room{connection->near->descriptor(), POLLOUT, 0};
        if (errno != EAGAIN || ::poll(&room, 1, -1) != 1) give_up("sendfile");
      }
    }
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
  co_await connection->close();
  need(co_await source->close(), "closing");
}

void file_to_socket(benchmark::State& state, way how) {
  scratch_directory place;
  bench_core{}.run(send_loop(state, place / "records", how));
}
#define KARST_EACH_SIZE ->Arg(64 << 10)->Arg(1 << 20)->UseRealTime()
BENCHMARK_CAPTURE(file_to_socket, memory, way::memory) KARST_EACH_SIZE;
BENCHMARK_CAPTURE(file_to_socket, sendfile, way::sendfile) KARST_EACH_SIZE;
BENCHMARK_CAPTURE(file_to_socket, read_and_send, way::read_and_send) KARST_EACH_SIZE;

}  // namespace
}  // namespace karst::micro

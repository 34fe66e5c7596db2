#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cluster/api/dispatch.h"
#include "cluster/every_core.h"
#include "cluster/local_coordination.h"
#include "cluster/placement.h"
#include "cluster/stored_topics.h"
#include "log/batch_builder.h"
#include "net/wire/codec.h"
#include "tests/cluster/memory_log.h"
#include "tests/sim/sim_machine.h"

namespace karst::cluster::testing {

// A broker of two simulated cores whose logs are in memory, asked by requests as they come from a
// connection: bytes in, bytes out.
class broker_fixture : public ::testing::Test {
 protected:
  static constexpr core_id cores = 2;

  explicit broker_fixture(std::map<std::string, std::string> settings = {})
      : world_({.seed = 1}, empty_disk()), machine_(std::make_unique<sim::machine>(world_, cores)) {
    std::map<std::string, configured_value, std::less<>> values;
    for (auto& [name, value] : settings) values[name].value = value;
    broker_identity identity{.id = 7, .cluster_id = "cluster", .host = "host", .port = 9092};
    broker_ = std::make_unique<broker>(identity, broker_config{std::move(values)}, cores);
    dispatcher_ = std::make_unique<dispatcher>(*broker_);
    machine_->run(controller_core, start(*this));
  }
  ~broker_fixture() override { machine_->run(controller_core, stop(*this)); }

  static sim::disk empty_disk() {
    sim::disk disk;
    disk.prepare_directory("/data");
    return disk;
  }

  // The answer to a request that arrives on core `from`.
  template <typename Response, typename Request>
  Response ask(Request request, std::int16_t version, core_id from = 0) {
    auto answer = send(std::move(request), version, from);
    EXPECT_EQ(answer.what, net::response::action::reply) << answer.reason;
    return read<Response>(answer, version);
  }
  template <typename Request>
  net::response send(Request request, std::int16_t version, core_id from = 0) {
    auto body = net::join(net::encode(std::move(request), version));
    return machine_->run(from, answer(*this, Request::info.key, version, std::move(body)));
  }
  template <typename Response>
  Response read(net::response const& answer, std::int16_t version) {
    bytes_.push_back(bytes_of(answer));
    auto decoded = net::decode<Response>(bytes_.back(), version);
    EXPECT_TRUE(decoded.has_value()) << decoded.error();
    return decoded ? std::move(decoded->message) : Response{};
  }
  static buffer_chain bytes_of(net::response const& answer) {
    std::string bytes;
    for (auto const& piece : answer.body) {
      auto const* here = std::get_if<buffer_chain>(&piece);
      bytes += here ? here->to_string() : (*std::get<foreign<buffer_chain>>(piece)).to_string();
    }
    return chain_of(bytes);
  }
  static buffer_chain chain_of(std::string_view bytes) {
    return buffer_chain{buffer::copy_of(std::as_bytes(std::span{bytes.data(), bytes.size()}))};
  }

  static task<net::response> answer(broker_fixture& self, net::api_key key, std::int16_t version,
                                    buffer_chain body) {
    net::request request{
        .api_key = static_cast<std::int16_t>(key), .api_version = version, .body = std::move(body)};
    request.received_at = core::current().now();
    request.connection = &self.connection_;
    auto response = co_await self.dispatcher_->handle(request);
    // As the connection does: the bytes leave, and what belongs to other cores goes home.
    auto bytes = bytes_of(response);
    response.body.clear();
    response.body.emplace_back(std::move(bytes));
    co_return response;
  }

  // Partition p lives on core p % 2.
  void create_topic(std::string const& name, std::int32_t partitions = 2) {
    machine_->run(controller_core, create(*this, name, partitions));
  }
  memory_log& log_of(std::string_view topic, std::int32_t partition) {
    memory_log* log = nullptr;
    machine_->run(controller_core, find_log(*this, topic, partition, log));
    return *log;
  }

  sim::world world_;
  std::unique_ptr<sim::machine> machine_;
  std::unique_ptr<broker> broker_;
  std::unique_ptr<dispatcher> dispatcher_;
  net::connection_info connection_;

 private:
  static task<> start(broker_fixture& self) {
    auto tree = co_await local_coordination::open("/data");
    EXPECT_TRUE(tree.has_value());
    self.tree_ = std::move(*tree);
    auto stored = co_await begin_term(*self.tree_, 7);
    EXPECT_TRUE(stored.has_value());
    auto& broker = *self.broker_;
    co_await on_every_core(cores, [&broker](core_id) {
      broker.local().partitions =
          std::make_unique<partition_manager>(std::make_unique<memory_log_manager>());
      broker.open_groups();
    });
    broker.set_controller(
        std::make_unique<topics>(broker, *self.tree_, self.placement_, stored->controller_epoch),
        std::make_unique<producer_ids>(*self.tree_, 7));
    auto snapshot = std::make_shared<metadata_snapshot>();
    snapshot->cluster_id = "cluster";
    snapshot->controller_id = 7;
    snapshot->brokers.push_back({7, "host", 9092, std::nullopt});
    co_await broker.publish(std::move(snapshot));
  }
  static task<> close_core(broker& broker) {
    co_await broker.groups().close();
    (void)co_await broker.partitions().close({});
  }
  static task<> stop(broker_fixture& self) {
    auto& broker = *self.broker_;
    co_await broker.topics().close();
    co_await on_every_core(cores, [&broker](core_id) { return close_core(broker); });
    co_await on_every_core(cores, [&broker](core_id) {
      broker.local().groups.reset();
      broker.local().partitions.reset();
    });
    co_await self.tree_->close();
    co_await broker.publish(std::make_shared<metadata_snapshot>());
  }
  static task<> create(broker_fixture& self, std::string name, std::int32_t partitions) {
    auto created = co_await self.broker_->topics().create(
        {.name = std::move(name), .partitions = partitions}, false);
    EXPECT_TRUE(created.has_value()) << created.error().message;
  }
  static memory_log* find_here(broker& broker, log::log_id id) {
    return static_cast<memory_log*>(&broker.partitions().find(id)->log());
  }
  static task<> find_log(broker_fixture& self, std::string_view topic, std::int32_t partition,
                         memory_log*& log) {
    auto& broker = *self.broker_;
    auto const* found = broker.metadata().current()->find(topic, partition);
    auto id = found->log;
    log = co_await submit_to(found->core, [&broker, id] { return find_here(broker, id); });
  }

  std::unique_ptr<local_coordination> tree_;
  placement placement_{cores};
  std::vector<buffer_chain> bytes_;
};

// One batch of records with these values, at timestamp, timestamp + 1 and so on.
inline buffer_chain make_batch(std::vector<std::string> const& values,
                               log::batch_options options = {}, wall_ms timestamp = 1000) {
  log::batch_builder builder{options};
  for (auto const& value : values) builder.add(timestamp++, std::nullopt, value);
  return buffer_chain{builder.finish()};
}

}  // namespace karst::cluster::testing

// The compiled scenario on its way to the workers.
#include <fstream>

#include "cluster/artifact_store.hpp"
#include "cluster_fixture.hpp"

namespace chaperon::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ClusterArtifact : public ClusterTest {
 protected:
  // A worker with a cache of its own.
  void add_with_cache(const std::string& name) {
    add_worker(name, {.environment = {"XDG_CACHE_HOME=" + (directory_ / ("cache-" + name)).string()}});
    ASSERT_TRUE(is_in_cluster(name)) << worker(name).err();
  }
  [[nodiscard]] std::filesystem::path kept_by(const std::string& name) const {
    const auto kept = directory_ / ("cache-" + name) / "chaperon" / "cluster";
    for (const auto& entry : std::filesystem::directory_iterator(kept))
      return entry.path();
    throw std::runtime_error(name + " keeps nothing");
  }

  cluster::Nats client_{nats_options(nats_.url())};
  cluster::KeyValue bucket_ = client_.key_value(std::string(cluster::kArtifactsBucket), {});
};

TEST_F(ClusterArtifact, IsFetchedOnceAndNeverUnlessItIsWhatItShouldBe) {
  add_with_cache("w1");
  expect_next_run({"w1"});
  // What is in the bucket is of no interest to a worker that has it already.
  std::string piece;
  for (const auto& key : bucket_.keys())
    if (key.ends_with(".0")) piece = key;
  ASSERT_FALSE(piece.empty());
  auto content = bucket_.get(piece)->value;
  content[content.size() / 2] = static_cast<char>(content[content.size() / 2] ^ 1);
  bucket_.put(piece, content);
  expect_next_run({"w1"});
  // The run has brought it anew. One that fetches what is damaged meanwhile refuses it.
  EXPECT_NE(bucket_.get(piece)->value, content);
  bucket_.put(piece, content);
  const auto digest = piece.substr(0, piece.find('.'));
  const cluster::ArtifactStore store(client_, 1);
  const auto refusal = [&] {
    try {
      static_cast<void>(cluster::fetch_artifact(store, digest, directory_.path()));
    } catch (const std::runtime_error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(refusal(), HasSubstr("is not what its digest says"));
  EXPECT_FALSE(exists(digest + ".so"));
  add_with_cache("w2");
  expect_next_run({"w1", "w2"});
  // The same where a piece is missing.
  bucket_.remove(piece);
  EXPECT_THAT(refusal(), HasSubstr("is not whole"));
  add_with_cache("w3");
  expect_next_run({"w1", "w2", "w3"});
  // And where all has gone.
  for (const auto& key : bucket_.keys())
    bucket_.remove(key);
  expect_next_run({"w1", "w2", "w3"});
}

TEST_F(ClusterArtifact, AFileThatWasChangedIsFetchedAnew) {
  add_with_cache("w1");
  expect_next_run({"w1"});
  const auto kept = kept_by("w1");
  const auto size = std::filesystem::file_size(kept);
  std::filesystem::resize_file(kept, size / 2);
  expect_next_run({"w1"});
  EXPECT_EQ(std::filesystem::file_size(kept), size);
}

}  // namespace
}  // namespace chaperon::test

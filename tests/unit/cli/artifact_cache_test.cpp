#include "cli/artifact_cache.hpp"

#include <chrono>
#include <filesystem>

#include <gmock/gmock.h>

#include "cli/fingerprint.hpp"
#include "support/temp_dir.hpp"

namespace chaperon::cli {
namespace {

namespace fs = std::filesystem;
using Match = ArtifactCache::Match;
using testing::ElementsAre;
using testing::IsEmpty;

class ArtifactCacheTest : public testing::Test {
 protected:
  ArtifactCacheTest() {
    fs::create_directory(directory_ / "cache");
    test::write_file(source_, "int main() {}");
    test::write_file(header_, "#pragma once");
  }

  // Keeps an artifact that was made from source and header.
  fs::path keep(const std::string& key = "abc", std::string_view suffix = ".so") {
    const auto started = cache_.start_of_build();
    const auto built = cache_.temporary_name(suffix);
    test::write_file(built, "library");
    return cache_.keep(key, suffix, built, {source_, header_}, started);
  }

  bool found(Match match = Match::content) { return cache_.find("abc", ".so", match).has_value(); }

  void set_time(const fs::path& file, std::chrono::hours ago) {
    fs::last_write_time(file, fs::file_time_type::clock::now() - ago);
  }

  test::TempDir directory_;
  ArtifactCache cache_{directory_ / "cache"};
  fs::path source_ = directory_ / "shop.cpp";
  fs::path header_ = directory_ / "items.hpp";
};

TEST_F(ArtifactCacheTest, FindsWhatItKeeps) {
  EXPECT_FALSE(found());
  const auto kept = keep();
  EXPECT_EQ(cache_.find("abc", ".so", Match::content), kept);
  EXPECT_EQ(test::read_file(kept), "library");
  EXPECT_FALSE(cache_.find("abd", ".so", Match::content));
  EXPECT_FALSE(cache_.find("abc", ".gch", Match::content));
}

TEST_F(ArtifactCacheTest, AChangedFileIsAMiss) {
  keep();
  test::write_file(header_, "#pragma once\nint x;");
  EXPECT_FALSE(found());
}

TEST_F(ArtifactCacheTest, AChangeOfTheSameLengthIsAMiss) {
  keep();
  test::write_file(header_, "#pragma twice");
  test::write_file(header_, "#pragma onCe");
  EXPECT_FALSE(found());
}

TEST_F(ArtifactCacheTest, AMissingFileIsAMiss) {
  keep();
  fs::remove(header_);
  EXPECT_FALSE(found());
}

TEST_F(ArtifactCacheTest, AnotherTimeWithTheSameContentIsAHit) {
  keep();
  set_time(header_, std::chrono::hours(1));
  EXPECT_TRUE(found());
  EXPECT_TRUE(found(Match::stamp));  // the manifest has the new time now
}

TEST_F(ArtifactCacheTest, AnotherTimeIsAMissWhereStampsMustMatch) {
  keep();
  set_time(header_, std::chrono::hours(1));
  EXPECT_FALSE(found(Match::stamp));
}

TEST_F(ArtifactCacheTest, WhatChangedDuringTheBuildIsNotFoundAgain) {
  const auto started = cache_.start_of_build();
  const auto built = cache_.temporary_name(".so");
  test::write_file(built, "library");
  test::write_file(source_, "int main() { return 1; }");
  const auto kept = cache_.keep("abc", ".so", built, {source_, header_}, started);
  EXPECT_TRUE(fs::exists(kept));
  EXPECT_FALSE(found());
}

TEST_F(ArtifactCacheTest, DamagedManifestsAndMissingArtifactsAreMisses) {
  const auto kept = keep();
  for (const auto* text :
       {"", "{", "[]", "{}", R"({"files":[{}]})", R"({"files":[{"path":7}]})", R"({"files":{"a":1}})"}) {
    test::write_file(directory_ / "cache" / "abc.json", text);
    EXPECT_FALSE(found()) << text;
  }
  keep();
  fs::remove(kept);
  EXPECT_FALSE(found());
}

TEST_F(ArtifactCacheTest, ALockIsHeldByOneAtATime) {
  {
    const auto held = cache_.try_lock("abc");
    ASSERT_TRUE(held);
    EXPECT_FALSE(cache_.try_lock("abc"));
    EXPECT_TRUE(cache_.try_lock("precompiled"));
  }
  EXPECT_TRUE(cache_.try_lock("abc"));
  const auto waited = cache_.lock("abc");
  EXPECT_FALSE(cache_.try_lock("abc"));
}

TEST_F(ArtifactCacheTest, PruneRemovesWhatWasNotUsedForLong) {
  keep("a1");
  keep("b2");
  set_time(directory_ / "cache" / "a1.json", std::chrono::hours(24 * 31));
  test::write_file(directory_ / "cache" / "build-1-1.so", "left behind");
  set_time(directory_ / "cache" / "build-1-1.so", std::chrono::hours(2));
  test::write_file(directory_ / "cache" / "build-1-2.so", "under way");
  cache_.prune();
  EXPECT_FALSE(fs::exists(directory_ / "cache" / "a1.so"));
  EXPECT_FALSE(fs::exists(directory_ / "cache" / "a1.json"));
  EXPECT_FALSE(fs::exists(directory_ / "cache" / "build-1-1.so"));
  EXPECT_TRUE(fs::exists(directory_ / "cache" / "build-1-2.so"));
  EXPECT_TRUE(cache_.find("b2", ".so", Match::content));
}

TEST_F(ArtifactCacheTest, UseKeepsAnEntryYoung) {
  keep();
  set_time(directory_ / "cache" / "abc.json", std::chrono::hours(24 * 31));
  EXPECT_TRUE(found());
  cache_.prune();
  EXPECT_TRUE(found());
}

TEST_F(ArtifactCacheTest, PruneKeepsTwoPrecompiledHeaders) {
  int age = 4;
  for (const auto* key : {"a", "b", "c", "d"}) {
    keep(key, ".hpp.gch");
    set_time(directory_ / "cache" / (std::string(key) + ".json"), std::chrono::hours(age--));
  }
  cache_.prune();
  EXPECT_FALSE(fs::exists(directory_ / "cache" / "a.hpp.gch"));
  EXPECT_FALSE(fs::exists(directory_ / "cache" / "b.hpp.gch"));
  EXPECT_TRUE(fs::exists(directory_ / "cache" / "c.hpp.gch"));
  EXPECT_TRUE(fs::exists(directory_ / "cache" / "d.hpp.gch"));
}

TEST(DependencyFile, IsReadAsMakeDoes) {
  EXPECT_THAT(parse_dependency_file("scenario: shop.cpp \\\n /usr/a\\ b.hpp c$$d.hpp \\\n  e\\#f.hpp\n"),
              ElementsAre("shop.cpp", "/usr/a b.hpp", "c$d.hpp", "e#f.hpp"));
  EXPECT_THAT(parse_dependency_file("scenario: a.cpp"), ElementsAre("a.cpp"));
  EXPECT_THAT(parse_dependency_file("scenario: a.cpp \\\r\n b.hpp\r\n"), ElementsAre("a.cpp", "b.hpp"));
  EXPECT_THAT(parse_dependency_file("scenario:"), IsEmpty());
  EXPECT_THAT(parse_dependency_file(""), IsEmpty());
}

TEST(Fingerprint, DependsOnEachPartAndWhereItEnds) {
  EXPECT_EQ(Fingerprint().add("ab").add("c").text(), Fingerprint().add("ab").add("c").text());
  EXPECT_NE(Fingerprint().add("ab").add("c").text(), Fingerprint().add("a").add("bc").text());
  EXPECT_NE(Fingerprint().add("").text(), Fingerprint().text());
  EXPECT_EQ(Fingerprint().text(),
            "6c62272e07bb014262b821756295c58d");  // the offset basis of FNV-1a with 128 bits
  EXPECT_EQ(Fingerprint().add("x").text().size(), 32U);
}

TEST(Fingerprint, FilesThatCannotBeReadHaveNone) {
  const test::TempDir directory;
  EXPECT_FALSE(fingerprint_of(directory / "none"));
  EXPECT_FALSE(stamp_of(directory / "none"));
  EXPECT_FALSE(stamp_of(directory.path()));
  test::write_file(directory / "large", std::string(200'000, 'x'));
  const auto before = fingerprint_of(directory / "large");
  test::write_file(directory / "large", std::string(199'999, 'x') + "y");
  EXPECT_NE(fingerprint_of(directory / "large"), before);
}

}  // namespace
}  // namespace chaperon::cli

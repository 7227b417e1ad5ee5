// What `chaperon cancel` says when it cannot do what it is asked to.
#include "master_fixture.hpp"

namespace chaperon::test {
namespace {

using cluster::LoadTestState;
using ::testing::HasSubstr;

TEST_F(MasterTest, CancellingAllGoesOnWhereOneCannotBeAndSaysSoInTheEnd) {
  const auto one = submit("SitTest");
  const auto another = submit("SitTest");
  const auto scheduled = submit("AskTest");
  // As a master that has died leaves them.
  for (const auto& id : {one, another})
    queue().change(id, [](auto& record) { return cluster::begin(record, 1, cluster::timestamp_now()); });

  const auto result = chaperon(with_nats({"cancel", "--all"}));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.out, scheduled + ": cancelled before it began\n");
  for (const auto& id : {one, another})
    EXPECT_THAT(result.err, HasSubstr(id + " is to be cancelled, but no master is there to do it"));
  EXPECT_EQ(chaperon(with_nats({"cancel", one})).exit_code, 2);
  // That there is nothing more to do is no failure.
  EXPECT_EQ(chaperon(with_nats({"cancel", "--scheduled"})).exit_code, 0);
  EXPECT_EQ(queue().find(one)->record.state, LoadTestState::running);
}

}  // namespace
}  // namespace chaperon::test

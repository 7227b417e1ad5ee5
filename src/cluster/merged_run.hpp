// What the workers of a run have said so far, added up.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <chaperon/load_test.hpp>
#include <chaperon/results.hpp>

#include "cluster/protocol.hpp"
#include "load_test/measurements.hpp"
#include "load_test/plan.hpp"

namespace chaperon::cluster {

/// A worker's clock, compared with the coordinator's.
struct ClockOffset {
  Duration offset{0};      ///< its steady clock less the coordinator's
  Duration round_trip{0};  ///< the shortest of those by which that was measured: off by half of it at most
};

/// Merges the reports of all workers of a run: each once, and none of a worker that is lost.
class MergedRun {
 public:
  /// `plan` outlives it.
  MergedRun(const load_test::Plan& plan, std::string run, const std::vector<Seat>& seats);

  /// Sets a worker's clock; before its measurements come.
  void set_clock(const std::string& worker, ClockOffset clock);
  /// The run began then, by the coordinator's clock.
  void begin(Instant start);

  /// What became of a report.
  enum class Taken : std::uint8_t {
    merged,
    repeated,  ///< it has come before: dropped
    old,       ///< of a worker that is lost or does not take part, of a former life or another run: dropped
    gap        ///< merged, but a report before it has not come: the results are not whole
  };
  /// Takes a report in. Throws MalformedBytes; nothing is merged then.
  Taken take(const Report& report);

  /// Nothing of this worker is taken any more. Returns the numbers of its users whose end was not reported.
  std::vector<std::uint64_t> lose(const std::string& name, std::string why);
  /// From now on these users are that worker's.
  void assign(const std::string& worker, const std::vector<std::uint64_t>& users);
  /// Says that something is missing.
  void add_incomplete(std::string sentence) { incomplete_.push_back(std::move(sentence)); }
  /// `270 Shopper, 30 Chat`: whose sessions these users are.
  [[nodiscard]] std::string names_of(const std::vector<std::uint64_t>& users) const;

  /// Whether a worker takes part: it has neither finished nor been lost.
  [[nodiscard]] bool takes_part(const std::string& name) const;
  [[nodiscard]] bool has_finished(const std::string& worker) const;
  /// The workers that take part.
  [[nodiscard]] std::vector<Seat> taking_part() const;
  /// Until when, since the start, a worker has said what it measured.
  [[nodiscard]] Duration measured_until(const std::string& name) const;
  /// Gives up the users of a worker that has finished whose end was not reported, and returns their numbers.
  std::vector<std::uint64_t> give_up_rest(const std::string& name);
  /// Whether nobody runs any user, by what was said last, although the end of some was not reported: a report
  /// was lost.
  [[nodiscard]] bool stuck() const;
  /// Whether every user has ended, or belonged to a worker that is lost and to no other since.
  [[nodiscard]] bool all_ended() const noexcept { return ended_count_ + given_up_ >= plan_.users; }

  /// How the run stands, and what the workers have said of their last seconds.
  [[nodiscard]] Progress progress(Instant now) const;
  /// Bytes that histograms hold on the heap.
  [[nodiscard]] std::size_t memory() const noexcept;
  /// The results, once nothing more comes. Takes what was merged.
  Results results();

 private:
  struct Worker {
    Seat seat;
    ClockOffset clock;
    std::uint64_t sequence = 0;             // of its last report
    std::vector<std::uint64_t> more_users;  // that it has taken over
    std::uint64_t waiting = 0;
    std::uint64_t live = 0;
    double busiest_loop = 0;
    double busiest_loop_of_run = 0;
    Duration elapsed{0};            // of the run, when it reported last
    Duration second{0};             // what lies between its last report and the one before
    Traffic before;                 // its traffic then
    metrics::Histogram answers;     // of that time
    metrics::Snapshot provisional;  // at kProvisionalBits: counts for as long as the rest has not come
    metrics::Snapshot settled;      // at full precision, of the whole run; whole once it has finished
    SessionCounts sessions;
    Traffic traffic;
    bool heard = false;        // whether it has measured something
    bool settled_gap = false;  // whether some of `settled` may be missing
    bool finished = false;
    Instant last_measured{};
    std::string loss;
    std::vector<std::uint64_t> unfinished;
  };

  void merge(Worker& worker, load_test::Measurements measurements, bool settled);
  void end_user(std::uint64_t user);
  void give_up_unfinished(Worker& worker);
  void cap_stored(session::StoredResults& stored) const;

  const load_test::Plan& plan_;
  const std::string run_;
  unsigned total_loops_ = 0;
  std::map<std::string, Worker> workers_;
  load_test::Measurements merged_;
  std::vector<bool> ended_;  // by user
  std::uint64_t ended_count_ = 0;
  std::uint64_t given_up_ = 0;
  bool has_gap_ = false;
  std::uint64_t log_lines_dropped_ = 0;
  std::string lost_workers_;  // whose percentiles stay provisional
  std::vector<std::string> incomplete_;
  Instant start_{};
};

}  // namespace chaperon::cluster

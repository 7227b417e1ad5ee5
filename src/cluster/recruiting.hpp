// Choosing the workers of a run.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "cluster/coordinator.hpp"
#include "cluster/protocol.hpp"
#include "cluster/roster.hpp"

namespace chaperon::cluster {

/// Who could take part in a run, and why others cannot.
struct Candidates {
  std::vector<Member> fit{};                   ///< in the order of their names
  std::map<std::string, std::string> unfit{};  ///< name → why not, as in `is busy with run 3f2a9c01`
};

/// What scenario libraries must have been made with to run in this program, and on what machine: an ABI text
/// (base/abi.hpp) with a line `architecture` more.
std::string platform();

/// Sorts the workers that are there.
Candidates candidates(const std::map<std::string, Member>& members, const CoordinatorOptions& options);

/// `waiting for 2 workers: w1 is ready; w3 is not taken: Chaperon 0.2.0 instead of 0.1.0`.
std::string waiting_text(const Candidates& candidates, const CoordinatorOptions& options);

/// Gives the loops of the workers their numbers: in turn, so that users are spread evenly however few they
/// are.
std::vector<Seat> seats_of(const std::vector<Member>& members);

}  // namespace chaperon::cluster

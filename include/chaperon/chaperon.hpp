// Everything a scenario author needs:
//
//     #include <chaperon/chaperon.hpp>
//     using namespace chaperon;
#pragma once

#include <fmt/ranges.h>

#include <chaperon/detail/abi.hpp>
#include <chaperon/duration.hpp>
#include <chaperon/errors.hpp>
#include <chaperon/export.hpp>
#include <chaperon/http.hpp>
#include <chaperon/json.hpp>
#include <chaperon/load_test.hpp>
#include <chaperon/results.hpp>
#include <chaperon/scenario.hpp>
#include <chaperon/session.hpp>
#include <chaperon/version.hpp>
#include <chaperon/websocket.hpp>

/// All that Chaperon offers to scenarios and programs.
namespace chaperon {
/// The first version of the API; its names are those of `chaperon`.
inline namespace v1 {}
}  // namespace chaperon

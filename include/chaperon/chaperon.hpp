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

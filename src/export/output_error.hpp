// Why results cannot be written.
#pragma once

#include <stdexcept>

namespace chaperon::exporting {

/// What was asked for cannot be written: what() says what, why and what to do.
class OutputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace chaperon::exporting

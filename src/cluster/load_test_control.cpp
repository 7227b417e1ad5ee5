#include "cluster/load_test_control.hpp"

namespace chaperon::cluster {

LoadTestRefused::~LoadTestRefused() = default;
LoadTestControl::~LoadTestControl() = default;

}  // namespace chaperon::cluster

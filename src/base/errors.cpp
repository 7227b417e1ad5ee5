#include <fmt/format.h>

#include <chaperon/errors.hpp>

namespace chaperon {
inline namespace v1 {

// The destructors stand here so that the type information of each exception lives in libchaperon alone.
ScenarioError::~ScenarioError() = default;
RequiredConfigMissing::~RequiredConfigMissing() = default;
ConfigTypeError::~ConfigTypeError() = default;
AssignmentMissing::~AssignmentMissing() = default;
UnexpectedStatus::~UnexpectedStatus() = default;
DecodeError::~DecodeError() = default;
InputError::~InputError() = default;
InvalidArgument::~InvalidArgument() = default;
TimeoutError::~TimeoutError() = default;
WrongSession::~WrongSession() = default;
TaskFailed::~TaskFailed() = default;
WebSocketError::~WebSocketError() = default;
WebSocketNotOpen::~WebSocketNotOpen() = default;

std::string_view to_string(Reason reason) noexcept {
  switch (reason) {
    case Reason::none:
      return "";
    case Reason::dns:
      return "dns";
    case Reason::refused:
      return "refused";
    case Reason::unreachable:
      return "unreachable";
    case Reason::reset:
      return "reset";
    case Reason::closed:
      return "closed";
    case Reason::connect_timeout:
      return "connect_timeout";
    case Reason::timeout:
      return "timeout";
    case Reason::malformed:
      return "malformed";
    case Reason::too_large:
      return "too_large";
    case Reason::decode:
      return "decode";
    case Reason::tls:
      return "tls";
    case Reason::no_ports:
      return "no_ports";
    case Reason::no_descriptors:
      return "no_descriptors";
    case Reason::unsupported:
      return "unsupported";
    case Reason::cancelled:
      return "cancelled";
    case Reason::exception:
      return "exception";
    case Reason::http:
      return "HTTP";
  }
  return "";
}

std::string Error::name() const {
  return reason == Reason::http ? fmt::format("HTTP {}", status) : std::string(to_string(reason));
}

}  // namespace v1
}  // namespace chaperon

#include <cstdlib>
#include <typeinfo>

#include <cxxabi.h>

#include "session/state.hpp"

namespace chaperon::session {
namespace {

std::string demangled(const std::type_info& type) {
  int status = 0;
  char* name = abi::__cxa_demangle(type.name(), nullptr, nullptr, &status);
  std::string result = status == 0 ? name : type.name();
  std::free(name);
  for (const std::string_view ours : {"chaperon::v1::", "chaperon::http::"}) {
    if (result.starts_with(ours)) result.erase(0, ours.size());
  }
  return result;
}

}  // namespace

std::string describe_exception(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& e) {
    return demangled(typeid(e)) + ": " + e.what();
  } catch (const Cancelled& cancelled) {
    return cancelled.reason();
  } catch (const std::string& text) {
    return "std::string: " + text;
  } catch (const char* text) {
    return std::string("const char*: ") + text;
  } catch (...) {
    const std::type_info* type = abi::__cxa_current_exception_type();
    return "an exception of type " + (type == nullptr ? std::string("unknown") : demangled(*type));
  }
}

}  // namespace chaperon::session

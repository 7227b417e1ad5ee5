// Who may use the control API.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace chaperon::cluster {

/// The variable that the token comes from.
inline constexpr std::string_view kTokenVariable = "CHAPERON_API_TOKEN";
/// The user of HTTP Basic authentication.
inline constexpr std::string_view kApiUser = "chaperon";

/// Whether a text is an address of this machine only: `127.0.0.1`, `::1`, `localhost`.
bool is_loopback_address(std::string_view text);

/// What is asked of requests before anything else.
class ControlAccess {
 public:
  /// `token`: the password of kApiUser; empty: there is none. `hosts`: names that a Host header may have
  /// besides localhost and the address that was connected to.
  ControlAccess(const std::string& token, std::vector<std::string> hosts);

  /// Whether requests have to have the token.
  [[nodiscard]] bool has_token() const noexcept { return !digest_.empty(); }
  /// Whether an Authorization header has it. Takes as long for one wrong header as for another of its length.
  [[nodiscard]] bool authorizes(std::string_view authorization) const;
  /// Whether a Host header names this server, which was reached at the numeric address `local`. A web page
  /// may have its own name resolve to this machine's address (DNS rebinding) and would then be let in by the
  /// browser as if it came from here; its name in the Host header gives it away.
  [[nodiscard]] bool accepts_host(std::string_view host, std::string_view local) const;

 private:
  std::string digest_;  // of the credentials as they stand in the header; empty: no token
  std::vector<std::string> hosts_;
};

}  // namespace chaperon::cluster

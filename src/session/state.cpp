#include "session/state.hpp"

#include <fmt/format.h>

#include "session/scheduled_scenario.hpp"
#include "session/tasks.hpp"

#ifdef CHAPERON_ASAN
#include <sanitizer/lsan_interface.h>
#endif

namespace chaperon::session {

std::string_view to_string(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::ok:
      return "ok";
    case Outcome::failed:
      return "failed";
    case Outcome::cancelled:
      return "cancelled";
    case Outcome::timed_out:
      return "timed out";
  }
  return "";
}

State::State(LoopContext& loop_context, const Profile& session_profile,
             std::span<const detail::ScenarioPart> scenario_parts, std::uint64_t seed, Owner& session_owner)
    : context(loop_context),
      profile(session_profile),
      root(*this),
      parts(scenario_parts),
      owner(session_owner),
      session(*this),
      random(seed),
      id(Uuid::draw(random)) {}

State::~State() {
  const Response last_reference(response);
#ifdef CHAPERON_ASAN
  // Those that are left belong to an abandoned session: leaked on purpose.
  for (const auto& [type, value] : states)
    __lsan_ignore_object(value);
#endif
}

Json& State::config_for_change() {
  if (!own_config) own_config = std::make_unique<Json>(profile.config);
  settings_stale = true;
  return *own_config;
}

void State::read_settings() {
  own_settings = std::make_unique<Settings>(Settings::from_config(config()));
  settings_stale = false;
}

std::string State::description() const {
  auto text = fmt::format("{} ({}", id.text(), profile.name);
  if (!running.empty()) text += fmt::format(", in {}", running);
  if (!task.empty()) text += fmt::format(", task {}", task);
  return text + ")";
}

void State::record_duration(std::string_view action, std::string_view target, Duration duration) {
  if (in_teardown()) return;
  context.record({.session = profile.name, .action = action, .target = target}, duration);
}

void State::record_error(std::string_view action, std::string_view target, std::string_view reason,
                         Duration duration, std::string_view example) {
  // Teardown's actions are in no row.
  if (in_teardown()) return;
  context.record({.session = profile.name, .action = action, .target = target, .error = reason}, duration);
  context.errors.add({.session = profile.name,
                      .action = action,
                      .target = target,
                      .reason = reason,
                      .example = example,
                      .id = id,
                      .at = context.loop.now() - context.run_start});
}

}  // namespace chaperon::session

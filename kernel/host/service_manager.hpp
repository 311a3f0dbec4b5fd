#pragma once
// What systemd (or any supervisor that sets NOTIFY_SOCKET) wants to hear from a service of Type=notify.

#include <string_view>

namespace vivarium {

/// Sends lines such as "READY=1" to the supervisor; does nothing when there is none to hear it.
void notify_service_manager(std::string_view lines);

}  // namespace vivarium

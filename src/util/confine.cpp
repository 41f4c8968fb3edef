// SPDX-License-Identifier: MIT
#include "util/confine.hpp"

#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>

namespace logbackup {
namespace {

constexpr uid_t nobody = 65534;

/// The three capability sets of a process as capget(2) and capset(2) pass them: each 64 bits in two halves.
struct Capabilities {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> halves{};
};

constexpr std::uint64_t bit(int capability) {
    return std::uint64_t{1} << static_cast<unsigned>(capability);
}

std::uint64_t own_capabilities() {
    Capabilities own;
    if (::syscall(SYS_capget, &own.header, own.halves.data()) != 0)
        return 0;
    return own.halves[0].permitted | std::uint64_t{own.halves[1].permitted} << 32U;
}

// The code below runs between fork and exec: it may make only async-signal-safe calls.

/// Ensures that no program started later can have other capabilities. Needs CAP_SETPCAP; without it,
/// no_new_privs ensures this.
void bound_capabilities(std::uint64_t kept) noexcept {
    for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
        if ((kept & bit(capability)) == 0)
            ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
}

/// Sets them as inheritable and ambient too, so that they survive the exec of a user other than root.
int set_capabilities(std::uint64_t kept) noexcept {
    Capabilities wanted;
    for (auto& half : wanted.halves) {
        half.effective = half.permitted = half.inheritable = static_cast<std::uint32_t>(kept);
        kept >>= 32U;
    }
    if (::syscall(SYS_capset, &wanted.header, wanted.halves.data()) != 0)
        return errno;
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    const std::uint64_t all = wanted.halves[0].permitted | std::uint64_t{wanted.halves[1].permitted} << 32U;
    for (int capability = 0; capability < 64; ++capability)
        if ((all & bit(capability)) != 0)
            ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0);
    return 0;
}

/// If that user does not exist (in a user namespace), the child keeps its user.
void become_nobody() noexcept {
    if (::setgroups(0, nullptr) == 0 && ::setresgid(nobody, nobody, nobody) == 0) [[maybe_unused]]
        const int done = ::setresuid(nobody, nobody, nobody);
}

} // namespace

bool has_capability(int capability) {
    return (own_capabilities() & bit(capability)) != 0;
}

Confiner::Confiner(const Confinement& confinement, const std::string& program) : limits_(confinement.limits) {
    limits_.push_back({RLIMIT_CORE, 0});
    for (const int capability : confinement.capabilities)
        capabilities_ |= own_capabilities() & bit(capability);
    // Without the right to kill it, a child of another user could outlive its time limit.
    changes_user_ = confinement.run_as == RunAs::nobody && has_capability(CAP_SETUID) &&
                    has_capability(CAP_SETGID) && has_capability(CAP_KILL);
    if (confinement.files)
        rules_ = landlock_rules(*confinement.files, program);
}

int Confiner::enter() const noexcept {
    for (const auto& [resource, most] : limits_) {
        const rlimit limit{most, most};
        ::setrlimit(static_cast<__rlimit_resource>(resource), &limit);
    }
    bound_capabilities(capabilities_);
    if (changes_user_)
        become_nobody();
    if (const int error = set_capabilities(capabilities_); error != 0)
        return error;
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return errno;
    return rules_ ? landlock_restrict(rules_.get()) : 0;
}

} // namespace logbackup

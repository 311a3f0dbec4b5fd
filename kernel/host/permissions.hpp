#pragma once
// Who else may write what this process trusts (reliability rules for plugins and data).

#include <string>

namespace vivarium {

/// A plugin is code: nobody but root, this process's user and the owner of the program may be able to
/// replace it. Looks at the file and at every directory above it; root's sticky directories (/tmp) are
/// fine, and so is what lies above the program itself, which trusts it already.
/// `path` must be canonical, so that no symbolic link changes it afterwards. Empty when all is well,
/// else one sentence.
std::string writable_by_others(const std::string& path);

/// For data and config: empty when `path` is missing, or not open to the world; else one sentence.
std::string writable_by_everybody(const std::string& path);

}  // namespace vivarium

// System calls for files that Node does not offer: confined opening, renaming that never replaces,
// syncing a whole file system, giving back page cache.
#pragma once

#include <node_api.h>

namespace jetstream {

// Adds syncFileSystem, openBeneath, dropPageCache and renameNoReplace to the module.
void export_file_system(napi_env env, napi_value exports);

}  // namespace jetstream

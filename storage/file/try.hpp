#pragma once
// Passing a failure on, in code that is a sequence of calls on files.

#include <vivarium/result.hpp>

/// Returns the error of `expression`, a Result, from the calling function if it has one.
#define TRY(expression)                                                     \
  do {                                                                      \
    if (auto tried = (expression); tried.has_error()) return tried.error(); \
  } while (false)

/// Likewise, and otherwise declares `name` with the value.
#define TRY_LET(name, expression)                              \
  auto name##_result = (expression);                           \
  if (name##_result.has_error()) return name##_result.error(); \
  auto& name = *name##_result

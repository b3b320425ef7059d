// Everything a user of the library includes.
#pragma once

#include "covlasso/cuda.hpp"
#include "covlasso/error.hpp"
#include "covlasso/gram.hpp"
#include "covlasso/matrix.hpp"
#include "covlasso/path.hpp"
#include "covlasso/problem.hpp"
#include "covlasso/version.hpp"

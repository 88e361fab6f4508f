// What every test includes, parsed once per build.
#pragma once

#include "pch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// SPDX-License-Identifier: MIT
#include "logbackup/app.hpp"

int main(int argc, char** argv) {
    return logbackup::run_app(argc, argv);
}

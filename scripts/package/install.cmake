# SPDX-License-Identifier: MIT
#
# What `cmake --install` puts where, and the .deb (see scripts/package.sh). The component "system" is left out unless it
# is asked for: it writes to /etc, and starts saving.
include(GNUInstallDirs)
set(package_source ${CMAKE_CURRENT_LIST_DIR})
set(package_output ${CMAKE_CURRENT_BINARY_DIR}/package)
set(LOGBACKUP_PATH ${CMAKE_INSTALL_FULL_SBINDIR}/logbackup)

install(TARGETS logbackup RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})

# compressed NAME SOURCE: makes NAME.gz, the same from the same source.
find_program(GZIP gzip REQUIRED)
function(compressed name source)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
  file(MAKE_DIRECTORY ${package_output})
  execute_process(COMMAND ${GZIP} -9nc ${source} OUTPUT_FILE ${package_output}/${name}.gz COMMAND_ERROR_IS_FATAL ANY)
endfunction()

foreach(page IN ITEMS logbackup.8 logbackup.toml.5 logbackup-design.7)
  compressed(${page} ${package_source}/${page})
  string(REGEX REPLACE ".*[.]" "" section ${page})
  install(FILES ${package_output}/${page}.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()
install(FILES ${package_source}/logbackup.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
        RENAME logbackup)
install(FILES ${package_source}/logbackup.toml ${package_source}/logbackup.rules.yml
              ${PROJECT_SOURCE_DIR}/tests/schema/logbackup.schema.json
        DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/logbackup/examples)

set(units logbackup.service logbackup-follow.service logbackup.timer)
foreach(file IN LISTS units ITEMS cron)
  configure_file(${package_source}/${file}.in ${package_output}/${file} @ONLY)
endforeach()
set(system COMPONENT system EXCLUDE_FROM_ALL)
install(FILES ${package_source}/etc.toml DESTINATION /etc RENAME logbackup.toml ${system})
install(FILES ${package_output}/cron DESTINATION /etc/cron.d RENAME logbackup ${system})
install(FILES ${package_source}/logrotate DESTINATION /etc/logrotate.d RENAME logbackup ${system})
list(TRANSFORM units PREPEND ${package_output}/)
install(FILES ${units} DESTINATION lib/systemd/system ${system})

# The .deb: only where the paths in these files are those of a package.
if(NOT CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  return()
endif()
set(deb COMPONENT deb EXCLUDE_FROM_ALL)
set(LOGBACKUP_PACKAGE_RELEASE 1 CACHE STRING "What follows the program's version in the package's")
set(LOGBACKUP_PACKAGE_VERSION ${PROJECT_VERSION}-${LOGBACKUP_PACKAGE_RELEASE})
configure_file(${package_source}/changelog.in ${package_output}/changelog.Debian @ONLY)
compressed(changelog.Debian ${package_output}/changelog.Debian)
install(FILES ${package_source}/copyright ${package_output}/changelog.Debian.gz
        DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/logbackup ${deb})
install(FILES ${package_source}/lintian-overrides DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides
        RENAME logbackup ${deb})

set(CPACK_GENERATOR DEB)
set(CPACK_COMPONENTS_ALL Unspecified system deb)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PACKAGE_CONTACT "logbackup maintainers <maintainers@logbackup.invalid>")
file(READ ${package_source}/description CPACK_PACKAGE_DESCRIPTION)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "save the log files that applications write in containers")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${LOGBACKUP_PACKAGE_RELEASE})
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "rsync (>= 3.0)")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "cron | cron-daemon")
# Not recommended: apt would install an engine next to one that is not from a package.
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "docker.io | docker-cli | docker-ce-cli | containerd | containerd.io | podman, bzip2, logrotate, ripgrep, xz-utils, zstd")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${package_source}/conffiles ${package_source}/postinst ${package_source}/prerm ${package_source}/postrm)
include(CPack)

# Installation, and the package that find_package(Chaperon) finds: targets chaperon::chaperon (the library) and
# chaperon::main (the library with a main() that is the command line for the load tests linked to it).
include(CMakePackageConfigHelpers)

option(CHAPERON_INSTALL "Install Chaperon along with the project" ${PROJECT_IS_TOP_LEVEL})

# While the major version is 0 each minor version may break the ABI.
set(chaperon_soversion ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})

set_target_properties(chaperon_shared PROPERTIES
  OUTPUT_NAME chaperon EXPORT_NAME chaperon VERSION ${PROJECT_VERSION} SOVERSION ${chaperon_soversion})
# A static library asks its users for all it links, even in private: the compile options of this project are not theirs.
set_target_properties(chaperon_main PROPERTIES EXPORT_NAME main INTERFACE_LINK_LIBRARIES chaperon_shared)
target_compile_features(chaperon_shared INTERFACE cxx_std_20)

# The names under which a project sees the targets, whether it installs Chaperon or adds it as a subdirectory.
add_library(chaperon::chaperon ALIAS chaperon_shared)
add_library(chaperon::main ALIAS chaperon_main)

if(NOT CHAPERON_INSTALL)
  return()
endif()

# The installed binary finds its library whereever the whole is moved to.
file(RELATIVE_PATH library_from_binary ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
set_target_properties(chaperon_exe PROPERTIES INSTALL_RPATH "$ORIGIN/${library_from_binary}")

set(package_directory ${CMAKE_INSTALL_LIBDIR}/cmake/Chaperon)
install(TARGETS chaperon_exe RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS chaperon_shared chaperon_main EXPORT ChaperonTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY include/chaperon DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN *.hpp)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/chaperon)

install(EXPORT ChaperonTargets NAMESPACE chaperon:: DESTINATION ${package_directory})
configure_package_config_file(cmake/ChaperonConfig.cmake.in ${PROJECT_BINARY_DIR}/ChaperonConfig.cmake
  INSTALL_DESTINATION ${package_directory})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/ChaperonConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/ChaperonConfig.cmake ${PROJECT_BINARY_DIR}/ChaperonConfigVersion.cmake
  DESTINATION ${package_directory})

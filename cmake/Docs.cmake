# The target `docs`: the API reference as HTML, made by Doxygen from the public headers and the documents.
if(NOT PROJECT_IS_TOP_LEVEL)
  return()
endif()

set(CHAPERON_DOCS_DIRECTORY ${PROJECT_BINARY_DIR}/docs)
configure_file(docs/Doxyfile.in Doxyfile @ONLY)

find_program(CHAPERON_DOXYGEN doxygen)
mark_as_advanced(CHAPERON_DOXYGEN)
if(CHAPERON_DOXYGEN)
  add_custom_target(docs
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CHAPERON_DOCS_DIRECTORY}
    COMMAND ${CHAPERON_DOXYGEN} ${PROJECT_BINARY_DIR}/Doxyfile
    COMMAND ${CMAKE_COMMAND} -E echo "${CHAPERON_DOCS_DIRECTORY}/index.html"
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} VERBATIM)
else()
  add_custom_target(docs
    COMMAND ${CMAKE_COMMAND} -E echo "doxygen is missing: scripts/setup installs it; then run cmake once more"
    COMMAND ${CMAKE_COMMAND} -E false VERBATIM)
endif()

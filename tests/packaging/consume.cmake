# Configures, builds and tests the project `source` in `build`, which is emptied first.
file(REMOVE_RECURSE ${build})
execute_process(COMMAND ${CMAKE_COMMAND} -S ${source} -B ${build} ${options} COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} --build ${build} COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${ctest} --test-dir ${build} --output-on-failure --no-tests=error COMMAND_ERROR_IS_FATAL ANY)

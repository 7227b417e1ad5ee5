# Installs the build tree `build` and moves the result to `prefix`: an installation must not know where it was made.
file(REMOVE_RECURSE ${prefix} ${prefix}.staging)
execute_process(COMMAND ${CMAKE_COMMAND} --install ${build} --prefix ${prefix}.staging COMMAND_ERROR_IS_FATAL ANY)
file(RENAME ${prefix}.staging ${prefix})

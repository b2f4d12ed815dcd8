"""How the package is built: the compiler, the build backend, the wheel and its smoke test."""

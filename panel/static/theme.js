// Runs before the page is drawn, so that a dark page never flashes white.
(() => {
  const chosen = localStorage.getItem("rollbook-theme");
  const dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.bsTheme = dark ? "dark" : "light";
})();

// Comfort only: every page works without this file.
(() => {
  "use strict";
  const root = document.documentElement;

  // Switch the theme without a round trip. The server reads the same cookie.
  const remember = (theme) => {
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax${secure}`;
  };
  document.querySelectorAll("[data-theme-switch]").forEach((form) => {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const theme = event.submitter.value;
      root.dataset.theme = theme;
      remember(theme);
      const shown = form.querySelector(theme === "dark" ? ".to-light" : ".to-dark");
      shown.focus();
    });
  });

  // A form goes out once; coming back to the page by the browser's button frees it again.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-once]") || event.defaultPrevented) return;
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "yes";
    setTimeout(() => form.querySelectorAll("button").forEach((button) => (button.disabled = true)));
  });
  addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-sent]").forEach((form) => {
      delete form.dataset.sent;
      form.querySelectorAll("button").forEach((button) => (button.disabled = false));
    });
  });

  // Show and hide a password.
  document.querySelectorAll("[data-reveal]").forEach((button) => {
    const input = document.getElementById(button.dataset.reveal);
    button.hidden = false;
    button.addEventListener("click", () => {
      const shown = input.type === "text";
      input.type = shown ? "password" : "text";
      button.setAttribute("aria-pressed", String(!shown));
    });
  });

  // Offer the browser's own time zone where none is chosen yet.
  document.querySelectorAll("select[data-zone]").forEach((select) => {
    if (select.value) return;
    select.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (!select.value) select.value = "";
  });

  // A menu closes on Escape and on a click beside it.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    document.querySelectorAll("details.menu[open]").forEach((menu) => {
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  });
  document.addEventListener("click", (event) => {
    document.querySelectorAll("details.menu[open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });
})();

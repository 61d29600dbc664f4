"""The page's only script: a label that follows the pointer over the charts, and deep links that open what they lead to.

Without it the charts still carry titles and the links still jump; it writes text only, never markup.
"""

SCRIPT = """
(function () {
  var tip = document.getElementById("tip");
  document.querySelectorAll(".touch").forEach(function (column) {
    var title = column.querySelector("title");
    if (title) column.removeChild(title);
    column.addEventListener("pointermove", function (event) {
      tip.textContent = column.getAttribute("data-tip");
      tip.hidden = false;
      var beyond = event.clientX + tip.offsetWidth + 24 > document.documentElement.clientWidth;
      tip.style.left = (beyond ? event.clientX - tip.offsetWidth - 14 : event.clientX + 14) + "px";
      tip.style.top = (event.clientY + 14) + "px";
    });
    column.addEventListener("pointerleave", function () { tip.hidden = true; });
  });
  function reveal() {
    var target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (!target) return;
    if (target.classList.contains("routine")) {
      var box = target.closest(".world").querySelector(".switch");
      if (box) box.checked = true;
    }
    for (var node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
    var own = target.querySelector("details");
    if (own) own.open = true;
    target.scrollIntoView({ block: "center" });
  }
  window.addEventListener("hashchange", reveal);
  reveal();
})();
"""

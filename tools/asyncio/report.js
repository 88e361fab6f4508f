"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const arms = [...new Set(data.rows.map((row) => row.arm))];
  const sizes = [...new Set(data.rows.map((row) => row.n))];
  const element = (id) => document.getElementById(id);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  // asyncio is always the green line, whatever its place in the list.
  const others = ["--c0", "--c1", "--c2", "--c4", "--c5"];
  const nameOf = (arm) => arm === "asyncio" ? "--c3"
      : others[arms.filter((a) => a !== "asyncio").indexOf(arm) % others.length];

  const seconds = (s) => s < 0.0995 ? `${+(s * 1000).toPrecision(3)} ms`
      : s < 119.5 ? `${s.toPrecision(3)} s`
      : `${Math.floor(s / 60)}m${String(Math.round(s % 60)).padStart(2, "0")}s`;

  const pointsOf = (arm) => data.rows.filter((row) => row.arm === arm)
      .map((row) => ({x: row.n, y: row.seconds, row}));
  const guessed = (context, index) => context.dataset.data[index]?.row.extrapolated;

  const shapes = ["circle", "rect", "rectRot", "triangle"];
  const datasets = arms.map((arm, index) => ({
    label: arm,
    data: pointsOf(arm),
    borderWidth: arm === "asyncio" ? 3.5 : 2,
    // Pools of threads and of processes often take the same time: shapes of different sizes let both
    // show, and tell the lines apart without colours.
    pointStyle: arm === "asyncio" ? "circle" : shapes[index % shapes.length],
    pointRadius: arm === "asyncio" ? 4.5 : [4, 4, 7, 4][index % 4],
    pointHoverRadius: 7,
    pointHitRadius: 14,
    pointBorderWidth: 2,
    tension: 0,
    order: arm === "asyncio" ? 0 : 1,
    segment: {borderDash: (context) => guessed({dataset: datasets[context.datasetIndex]}, context.p1DataIndex) ? [5, 5] : undefined},
  }));

  const paint = () => {
    datasets.forEach((set) => {
      const line = colour(nameOf(set.label));
      set.borderColor = line;
      set.pointBorderColor = line;
      set.pointHoverBorderColor = line;
      set.pointHoverBackgroundColor = set.pointBackgroundColor = set.data.map((point) => point.row.extrapolated ? colour("--card") : line);
    });
  };

  const wholePower = (value) => Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-9;
  const axis = (title, log, format, ticks) => ({
    type: log ? "logarithmic" : "linear",
    beginAtZero: !log,
    min: log && ticks ? ticks[0] : undefined,
    title: {display: true, text: title, color: colour("--quiet")},
    grid: {color: colour("--line"), borderColor: colour("--line"), tickLength: 0},
    ticks: {precision: title === "n" ? 0 : undefined, color: colour("--quiet"), padding: 8, maxRotation: 0, autoSkipPadding: 14,
            callback: (value) => log && !ticks && !wholePower(value) ? null : format(value)},
    afterBuildTicks: ticks ? (scale) => { scale.ticks = ticks.map((value) => ({value})); } : undefined,
  });
  const count = (value) => value.toLocaleString("en-US");
  const plainSeconds = (value) => `${+value.toPrecision(3)}${value === 0 ? "" : " s"}`;
  const scales = () => ({
    // On the logarithmic axis the sizes themselves are the ticks: 10, 50, 100 say more than powers.
    x: axis("n", element("log-x").checked, count, element("log-x").checked ? sizes : null),
    y: axis("time taken", element("log-y").checked, plainSeconds, null),
  });

  const tooltip = () => ({
    backgroundColor: colour("--card"), titleColor: colour("--ink"), bodyColor: colour("--ink"),
    borderColor: colour("--line"), borderWidth: 1, padding: 12, boxPadding: 6, usePointStyle: true,
    itemSort: (a, b) => b.parsed.y - a.parsed.y,
    callbacks: {
      title: (items) => items.length ? `n = ${count(items[0].raw.x)}` : "",
      label: ({dataset, raw}) => {
        const about = raw.row.extrapolated ? "≈ " : "";
        const ratio = raw.row.ratio_to_asyncio;
        const times = ratio === null || dataset.label === "asyncio" ? "" : `  (${about}${+ratio.toPrecision(3)}×)`;
        return ` ${dataset.label}  ${about}${seconds(raw.y)}${times}`;
      },
    },
  });

  const options = () => ({
    responsive: true,
    maintainAspectRatio: false,
    animation: still ? false : {duration: 350},
    interaction: {mode: "x", intersect: false},
    scales: scales(),
    plugins: {legend: {display: false}, tooltip: tooltip()},
  });

  // The clipboard is missing where a page is opened from a file in some browsers.
  if (navigator.clipboard) {
    const copy = element("copy");
    copy.hidden = false;
    copy.onclick = async () => {
      try {
        await navigator.clipboard.writeText(element("command").textContent);
        copy.textContent = "Copied";
      } catch {
        copy.textContent = "Select it";
      }
      setTimeout(() => { copy.textContent = "Copy"; }, 1500);
    };
  }

  // One size makes no line: the bars above already show it.
  if (sizes.length < 2) return;

  // Before the chart is made: it measures its box, and a hidden box has no size.
  document.querySelectorAll(".needs-script").forEach((part) => { part.hidden = false; });
  element("dashed-key").hidden = !data.rows.some((row) => row.extrapolated);
  paint();
  const chart = new Chart(element("chart"), {type: "line", data: {datasets}, options: options()});
  const redraw = () => { paint(); chart.options = options(); chart.update(); drawLegend(); };

  function drawLegend() {
    element("legend").replaceChildren(...arms.map((arm, index) => {
      const button = document.createElement("button");
      const mark = document.createElement("i");
      mark.style.background = colour(nameOf(arm));
      button.type = "button";
      button.append(mark, arm);
      button.setAttribute("aria-pressed", String(chart.isDatasetVisible(index)));
      button.title = "Show or hide this line";
      button.onclick = () => {
        chart.setDatasetVisibility(index, !chart.isDatasetVisible(index));
        chart.update();
        drawLegend();
        element("legend").children[index].focus();
      };
      return button;
    }));
  }
  drawLegend();

  for (const id of ["log-x", "log-y"]) element(id).onchange = redraw;
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
})();

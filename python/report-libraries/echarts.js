// What the report draws with: these charts, components and the renderer of ECharts, as the global `echarts`.

import { getInstanceByDom, init, use } from "echarts/core";
import { BarChart, GraphChart, LineChart, ScatterChart } from "echarts/charts";
import { GridComponent, LegendComponent, MarkLineComponent, TooltipComponent } from "echarts/components";
import { LabelLayout } from "echarts/features";
import { CanvasRenderer } from "echarts/renderers";
import { modifyAlpha } from "zrender/lib/tool/color.js";

use([
  BarChart,
  GraphChart,
  LineChart,
  ScatterChart,
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  TooltipComponent,
  LabelLayout,
  CanvasRenderer,
]);

export const color = { modifyAlpha };
export { getInstanceByDom, init };

// Open a workbook with a library, put values into cells of its sheet, and save it; run by tests/fidelity/programs.py.
// Standard input is one JSON object: library, path, out, sheet and cells, values by address.
// {"date": "2024-01-05T00:00:00"} is a date, and any other value itself.
"use strict";

const fs = require("fs");

const valueOf = (plain) => (plain !== null && typeof plain === "object" ? new Date(`${plain.date}Z`) : plain);

const DAY = 86400000;
const serialOf = (date) => date.getTime() / DAY + 25569;

const libraries = {
    async exceljs({ path, out, sheet, cells }) {
        const { Workbook } = require("exceljs");
        const book = new Workbook();
        await book.xlsx.readFile(path);
        for (const [address, plain] of Object.entries(cells)) {
            book.getWorksheet(sheet).getCell(address).value = valueOf(plain);
        }
        await book.xlsx.writeFile(out);
    },

    async sheetjs({ path, out, sheet, cells }) {
        const library = require("xlsx");
        const book = library.readFile(path);
        for (const [address, plain] of Object.entries(cells)) {
            const value = valueOf(plain);
            if (value instanceof Date) {
                // Its own dates carry the zone of the machine; programs that use it write the number themselves.
                const was = book.Sheets[sheet][address] || {};
                book.Sheets[sheet][address] = { ...was, t: "n", v: serialOf(value), z: was.z || "yyyy-mm-dd hh:mm:ss" };
                delete book.Sheets[sheet][address].w;
            } else {
                library.utils.sheet_add_aoa(book.Sheets[sheet], [[value]], { origin: address });
            }
        }
        library.writeFile(book, out);
    },
};

const order = JSON.parse(fs.readFileSync(0, "utf8"));
libraries[order.library](order).catch((error) => {
    console.error(error);
    process.exitCode = 1;
});

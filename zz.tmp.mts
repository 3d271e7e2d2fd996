import { notionTools } from './src/notion/tools.ts'
import { modelSchema } from './src/tools/json-schema.ts'
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
const tools = notionTools({fetch, now: Date.now}).slice(0,10)
const ty = (x:any):any => { if (Array.isArray(x)) return x.map(ty); if (x && typeof x==='object') { if (x.anyOf && x.anyOf.length===2 && x.anyOf[1].type==='null' && typeof x.anyOf[0].type==='string') { const {type, ...r} = ty(x.anyOf[0]); return {type:[type,'null'], ...r, ...(r.enum? {enum:[...r.enum,null]}:{}), ...(x.description?{description:x.description}:{})} } return Object.fromEntries(Object.entries(x).map(([k,v])=>[k,ty(v)])) } return x }
const no = (x:any):any => { if (Array.isArray(x)) return x.map(no); if (x && typeof x==='object') { if (x.anyOf && x.anyOf.length===2 && x.anyOf[1].type==='null') { return {...no(x.anyOf[0]), ...(x.description?{description:x.description}:{})} } return Object.fromEntries(Object.entries(x).map(([k,v])=>[k,no(v)])) } return x }
for (const [n,f] of [['anyOf',(x:any)=>x],['typelist',ty],['none',no]] as const) {
const defs = tools.map(t => ({name: t.name, description: t.description, parameters: f(modelSchema(t))}))
console.log(n, countTokens(JSON.stringify(defs)), defs.map(d=>countTokens(JSON.stringify(d))).reduce((a,b)=>a+b), defs.map(d=>countTokens(JSON.stringify(d.parameters))).reduce((a,b)=>a+b))
}
console.log(JSON.stringify(tools.map(modelSchema),null,0))

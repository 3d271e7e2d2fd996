export { nearest as nearestNames } from '../did-you-mean.ts'
